"""Places in other frameworks where mail is handed over."""
