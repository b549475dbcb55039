"""Databases behind the ports: one folder each, the same statement names in both."""
