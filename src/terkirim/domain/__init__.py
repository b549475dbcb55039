"""The values that every part speaks in: frozen, plain, without clock, I/O or log."""
