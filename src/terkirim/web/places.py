"""Where the gateway is, as people reach it."""

from terkirim.settings import Settings


def base_url(settings: Settings) -> str:
    """Return the address in front of every path, without a slash at its end."""
    return settings.public_url or f"http://{settings.host}:{settings.port}"
