"""What the figures share: a provider, databases, letters, and how a reading is taken."""
