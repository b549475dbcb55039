"""One file per figure, peers side by side. `make bench` runs them all."""
