from terkirim.settings.loading import language_as_far_as_known as language_as_far_as_known
from terkirim.settings.loading import load as load
from terkirim.settings.loading import unknown_variables as unknown_variables
from terkirim.settings.model import Settings as Settings
from terkirim.settings.secret import Secret as Secret
