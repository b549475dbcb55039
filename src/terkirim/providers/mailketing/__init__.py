"""Mailketing, an Indonesian prepaid provider: v1 (form) and v2 (JSON) of its API."""

from terkirim.providers.mailketing.callbacks import MailketingCallbacks
from terkirim.providers.mailketing.provider import Mailketing, MailketingSettings

__all__ = ["Mailketing", "MailketingCallbacks", "MailketingSettings"]
