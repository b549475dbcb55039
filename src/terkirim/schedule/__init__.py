"""Periodic work: each piece is done by one node, however many there are."""
