"""What a provider's failure text is about, in Indonesian and English; the one table of such texts.

Read by the Mailketing provider, and by `retry_email_send` for code that returns its failures.
"""

import re
from enum import StrEnum


class AnswerKind(StrEnum):
    """What a failure is about; the first four are about the account, not about the message."""

    TOKEN = "token"  # noqa: S105 - the word, not a secret
    CREDITS = "credits"
    QUOTA = "quota"
    SENDER = "sender"
    RECIPIENT = "recipient"


_KEY = r"\b((api|access|auth|authentication|bearer)[ _-]?)?(token|key)\b|\bkunci( api)?\b"
_WRONG = r"(invalid|wrong|unknown|expired|tidak (valid|ditemukan|dikenal)|salah)"
_CREDIT = r"\b(saldo|kredit|credits?|balance)\b"
_NOTHING = r"(?<![\d.,])0(?![.,]?\d)"  # alone: not the end of 100, nor the start of 0.6
_EMPTY = (
    r"(tidak (cukup|mencukupi)|kurang|habis|kosong|insufficient|not enough|empty|exhausted|"
    rf"{_NOTHING})"
)
_LIMIT = r"\b(kuota|quota|limit|batas)\b"
_DAY = r"\b(hari(an)?|(per|a|each) day)\b"
_SENDER = r"\b(sender|pengirim|from[_ ]?(email|address)|domain)\b"
_REFUSED = (
    r"(not (yet )?(been )?(approved|verified|registered|allowed)|unverified|unapproved|"
    r"pending (approval|verification)|"
    r"(tidak|belum) ((ter|di)?(daftar|verifikasi|setujui)|di[ -]?approve))"
)
_INVALID = r"(invalid|tidak valid|not valid|does not exist|tidak ditemukan|salah|malformed)"
_NAMED = r"\b(recipient|penerima|mailbox)\b"
# Other words for an address stand in many a sentence that is about none ("The email template does
# not exist"), and a wrong reading ends every mail: they count only close to what is wrong, with
# nothing between or behind but words that belong to an address.
_ADDRESS = (
    r"\b(alamat e-?mail|e-?mail address(es)?|e-?mail|alamat|"
    r"(?<!ip )(?<!url )(?<!web )(?<!server )(?<!host )address)\b"
)
_BELONGING = (
    r"(is|was|the|this|your|an?|from|to|sender|pengirim|recipient|penerima|tujuan|destination|"
    r"format|yang|anda|ini|itu|tersebut|address|given|provided|"
    r"(?>[^\s@]{1,64}@[^\s@]{1,254}))"  # atomic: a long answer full of @ costs no second look
)
_GAP = r"(?>[\s:;,.'\"()<>-]{1,5})"
_BETWEEN = rf"({_GAP}{_BELONGING}){{0,4}}{_GAP}"
_BEHIND = rf"(?=\s*($|[^\w\s])|\s+{_BELONGING}(\W|$))"
# A recipient that is refused; a sender's domain may be refused to somebody too.
_REFUSED_RECIPIENT = (
    rf"^(?!.*\b(sender|pengirim|from)\b).*\b(recipient|penerima)\b.{{0,30}}({_REFUSED})"
)

# The order decides where a text fits two rows: a day's limit before credits, a recipient that is
# named before a domain of whom it is not said, a sender before an address.
_TABLE: tuple[tuple[AnswerKind, str], ...] = (
    (AnswerKind.TOKEN, rf"{_WRONG} (or \w+ )?({_KEY})|({_KEY}).{{0,20}}{_WRONG}"),
    (AnswerKind.TOKEN, r"access denied|akses ditolak|unauthori[sz]ed|unauthenticated"),
    (AnswerKind.QUOTA, rf"daily (sending )?(limit|quota)|{_LIMIT}.{{0,60}}{_DAY}"),
    (AnswerKind.CREDITS, rf"{_CREDIT}.{{0,40}}{_EMPTY}|{_EMPTY}.{{0,40}}{_CREDIT}"),
    (AnswerKind.RECIPIENT, _REFUSED_RECIPIENT),
    (AnswerKind.SENDER, rf"{_SENDER}.{{0,60}}{_REFUSED}|{_REFUSED}.{{0,40}}{_SENDER}"),
    (AnswerKind.RECIPIENT, rf"{_NAMED}.{{0,60}}{_INVALID}|{_INVALID}.{{0,40}}{_NAMED}"),
    (AnswerKind.RECIPIENT, rf"{_ADDRESS}{_BETWEEN}{_INVALID}"),
    (AnswerKind.RECIPIENT, rf"{_INVALID}{_BETWEEN}{_ADDRESS}{_BEHIND}"),
)
_RULES = tuple((kind, re.compile(pattern, re.IGNORECASE | re.DOTALL)) for kind, pattern in _TABLE)
_READ_LIMIT = 2_000  # characters: what a failure is about stands at its start


def kind_of_text(text: str) -> AnswerKind | None:
    """Return what the text is about, None where no row of the table fits."""
    start = text[:_READ_LIMIT]
    return next((kind for kind, rule in _RULES if rule.search(start)), None)
