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
_SHORT = r"(tidak (cukup|mencukupi)|insufficient|not enough)"
_SPENT = rf"({_SHORT}|kurang|(?<!waktu )habis|kosong|exhausted|empty(?!\s+\w))"
_SPENT_CREDIT = rf"({_SHORT}|(?<!waktu )habis|kehabisan|empty)( \w+){{0,2}} {_CREDIT}"
# A figure is the balance only where the words say so: "0 kredit terpakai" counts what was used.
_NOTHING = r"(?<![\d.,])0(?![.,]?\d)"  # alone: not the end of 100, nor the start of 0.6
_LEFT = r"(left|remaining|available|sisa|tersisa)"
_OWN = r"(is|are|now|your|account|anda|akun|e-?mail|rp\.?)"
_NO_CREDIT = (
    rf"{_CREDIT}(\s+({_OWN}|{_LEFT})){{0,3}}\s*[:=]?\s*(rp\.?\s?)?{_NOTHING}|"
    rf"{_NOTHING} {_CREDIT} {_LEFT}|({_LEFT}|have|punya|memiliki) {_NOTHING} {_CREDIT}"
)
_LIMIT = r"\b(kuota|quota|limit|batas)\b"
_DAY = r"\b(hari(an)?|(per|a|each) day)\b"
_SENDER = r"\b(sender|pengirim|from[_ ]?(email|address)|domain)\b"
_REFUSED = (
    r"(not (yet )?(been )?(approved|verified|registered|allowed)|unverified|unapproved|"
    r"pending (approval|verification)|"
    r"(tidak|belum) ((ter|di)?(daftar|verifikasi|setujui)|di[ -]?approve))"
)
# What is said of an address ends its mail. So a whole clause must say it, in these words and no
# others, and no word of the text may speak of a machine or of a fault that passes.
_ADDRESS = r"(recipient(\W?s)?|penerima|mailbox|alamat|address(es)?)"
_MALFORMED = r"(invalid|not (a )?valid|tidak valid|must be a valid|malformed|salah)"
_MISSING = r"(does(n\Wt| not) exist|not found|unknown|tidak (ditemukan|dikenal))"
_BESIDE = (
    r"(e-?mails?|domain|sender|pengirim|tujuan|destination|is|are|was|the|this|that|your|you|an?|"
    r"from|to|field|format|yang|anda|ini|itu|tersebut|given|provided|entered|(di)?masukkan)"
)
_CLAUSE = re.compile(
    rf"\W*(({_ADDRESS}|{_MALFORMED}|{_MISSING}|{_REFUSED}|{_BESIDE})(\W+|$))+", re.IGNORECASE
)
_CLAUSE_END = re.compile(r"[.,;:!?\n]+")
_OPENING = re.compile(
    r"\s*(\w*(error|exception|refused)|gagal|(validation )?failed|kesalahan|maaf|sorry)?\s*",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"[^\s@]{1,64}@[^\s@]{1,254}")
_PASSING = (
    r"server|templat|database|koneksi|connection|sementara|temporar|coba (lagi|beberapa|kembali)|"
    r"try again|retry|later|nanti|saat ini|sibuk|busy|time[d-]?[ -]?out|waktu habis|upstream|"
    r"konfigurasi|configur|sistem|system|internal|gangguan|pemeliharaan|maintenance"
)
_UNASKED = r"time[d-]?[ -]?out|waktu habis|koneksi|connection|database"  # the balance, that is
_REFUSED_RECIPIENT = (  # a sender's domain may be refused to somebody too
    rf"^(?!.*\b(sender|pengirim|from)\b)(?=.*\b(recipient|penerima)\b).*{_REFUSED}"
)
_FAULTY_ADDRESS = (  # of an "email" alone that is not found, it may be the letter
    rf"^(?=.*\b({_ADDRESS}|e-?mail tujuan)\b).*\b({_MALFORMED}|{_MISSING})\b|"
    rf"^(?=.*\be-?mails?\b).*\b{_MALFORMED}\b"
)

# The order decides where a text fits two rows: a day's limit before credits, a recipient that is
# named before a domain of whom it is not said, a sender before an address.
_TABLE: tuple[tuple[AnswerKind, str], ...] = (
    (AnswerKind.TOKEN, rf"{_WRONG} (or \w+ )?({_KEY})|({_KEY}).{{0,20}}{_WRONG}"),
    (AnswerKind.TOKEN, r"access denied|akses ditolak|unauthori[sz]ed|unauthenticated"),
    (AnswerKind.QUOTA, rf"daily (sending )?(limit|quota)|{_LIMIT}.{{0,60}}{_DAY}"),
    (AnswerKind.CREDITS, rf"{_CREDIT}.{{0,40}}{_SPENT}|{_SPENT_CREDIT}|{_NO_CREDIT}"),
    (AnswerKind.RECIPIENT, _REFUSED_RECIPIENT),
    (AnswerKind.SENDER, rf"{_SENDER}.{{0,60}}{_REFUSED}|{_REFUSED}.{{0,40}}{_SENDER}"),
    (AnswerKind.RECIPIENT, _FAULTY_ADDRESS),
)
_RULES = tuple((kind, re.compile(pattern, re.IGNORECASE | re.DOTALL)) for kind, pattern in _TABLE)
_EXCEPT = {
    AnswerKind.CREDITS: re.compile(_UNASKED, re.IGNORECASE),
    AnswerKind.RECIPIENT: re.compile(_PASSING, re.IGNORECASE),
}
_READ_LIMIT = 2_000  # characters: what a failure is about stands at its start


def kind_of_text(text: str) -> AnswerKind | None:
    """Return what the text is about, None where no row of the table fits."""
    start = text[:_READ_LIMIT]
    return next((kind for kind, rule in _RULES if _fits(start, kind, rule)), None)


def _fits(text: str, kind: AnswerKind, rule: re.Pattern[str]) -> bool:
    if kind is AnswerKind.RECIPIENT:
        text = _QUOTED.sub("", text)  # its host may have the name of a machine
    if kind in _EXCEPT and _EXCEPT[kind].search(text):
        return False
    said = _clause_of_address(text) if kind is AnswerKind.RECIPIENT else text
    return rule.search(said) is not None


def _clause_of_address(text: str) -> str:
    """Return the text's first clause that says something, "" where it is not about an address."""
    clauses = (clause for clause in _CLAUSE_END.split(text) if not _OPENING.fullmatch(clause))
    first = next(clauses, "")
    return first if _CLAUSE.fullmatch(first) else ""
