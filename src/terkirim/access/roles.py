"""What people may do on the pages: each role may all that the one before it may."""

VIEWER, OPERATOR, ADMIN = "viewer", "operator", "admin"
ROLES = (VIEWER, OPERATOR, ADMIN)


def may_act(role: str, needed: str) -> bool:
    """Return True if the role includes `needed`; a role that is not known here may nothing."""
    return role in ROLES and ROLES.index(role) >= ROLES.index(needed)
