"""Periodic work: each piece is done by one node, or by every node where it is its own."""
