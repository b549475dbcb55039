from terkirim.settings.loading import load as load
from terkirim.settings.loading import unknown_variables as unknown_variables
from terkirim.settings.model import Settings as Settings
from terkirim.settings.secret import Secret as Secret
