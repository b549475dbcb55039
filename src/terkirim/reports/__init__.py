"""Read-only questions over the rollups; the one source for every door."""
