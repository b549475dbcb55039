"""The dashboard: server-rendered pages that ask `reports` and act through the gateway."""
