"""Decisions: from facts, the time and the dice to what happens next. No I/O, no clock, no log."""
