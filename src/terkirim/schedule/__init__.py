"""Periodic work: each piece by one node at a time, or by every node where it is its own."""
