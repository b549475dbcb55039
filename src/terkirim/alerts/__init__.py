"""Tells people what is wrong: once, on every channel that wants to know, and when it is over."""
