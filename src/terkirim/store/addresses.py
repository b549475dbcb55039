"""How a database's address may be shown: never with its password."""

from urllib.parse import parse_qsl, urlsplit

UNREADABLE = (
    "must look like postgresql://user@host:5432/database; characters such as @ : / # ? in a "
    "password are written as %40 %3A %2F %23 %3F"
)


def shown(address: str) -> str:
    """Return the address without password and options.

    Raises:
        ValueError: it cannot be taken apart for certain; nothing of it is repeated.
    """
    scheme, _, rest = address.partition("://")
    if scheme == "sqlite":
        return address
    parts = urlsplit(address)
    account, at, hosts = parts.netloc.rpartition("@")
    # A password with a bare / # or ? in it moves the @ out of its place.
    if parts.fragment or "@" in parts.path or (not at and ("@" in parts.query or ":@" in rest)):
        raise ValueError(UNREADABLE)
    named = dict(parse_qsl(parts.query))
    host, user = hosts or named.get("host", ""), account.partition(":")[0] or named.get("user", "")
    return f"postgresql://{user + '@' if user else ''}{host}{parts.path}"
