"""Checks of what mail depends on; each is a fact turned into a finding with the way to mend it."""
