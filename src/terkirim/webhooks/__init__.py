"""Webhooks: what has happened is told to the customer's own app, signed and until it listens."""
