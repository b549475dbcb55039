"""A Mailketing that runs here and fails on demand: for demos, for tests, for users' own tries."""
