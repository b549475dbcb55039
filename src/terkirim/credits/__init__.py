"""Prepaid credits: read, estimated between readings, forecast, and kept for what matters most."""
