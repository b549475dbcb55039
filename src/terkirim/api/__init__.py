"""The REST door: Resend's shapes under /v1, and our own beside them."""
