"""The letter of every figure: 2 KB of HTML to one recipient."""

from terkirim import Draft

SENDER = "toko@example.com"
SIZE = 2_048
_PARAGRAPH = "<p>Terima kasih sudah berbelanja di Toko Maju; pesanan Anda kami siapkan.</p>\n"
_START = "<html><body><h1>Pesanan Anda</h1>\n"
_END = "</body></html>"
_REPEATS = (SIZE - len(_START) - len(_END)) // len(_PARAGRAPH)
HTML = _START + _PARAGRAPH * _REPEATS + " " * (SIZE % len(_PARAGRAPH))
HTML = (HTML + " " * SIZE)[: SIZE - len(_END)] + _END


def recipient(number: int) -> str:
    return f"pelanggan{number}@example.com"


def subject(number: int) -> str:
    return f"Pesanan INV-{number:07}"


def draft(number: int) -> Draft:
    return Draft(sender=SENDER, to=recipient(number), subject=subject(number), html=HTML)


def mailketing_body(number: int) -> dict[str, str]:
    """Return what a peer posts to the provider: the fields that our own request has."""
    return {
        "from_name": "",
        "from_email": SENDER,
        "subject": subject(number),
        "recipient": recipient(number),
        "content": HTML,
        "message_id": f"{number:032}",
    }
