"""Delivery services: one folder each, entered by one line in `registry`."""
