from terkirim.compose import Gateway as Gateway
from terkirim.delivery.batches import retry_batch as retry_batch
from terkirim.delivery.batches import retry_batch_sync as retry_batch_sync
from terkirim.delivery.retrying import Retried as Retried
from terkirim.delivery.retrying import retry_email_send as retry_email_send
from terkirim.delivery.retrying import retry_email_send_sync as retry_email_send_sync
from terkirim.domain.email import Draft as Draft
from terkirim.domain.version import __version__ as __version__
