"""The pages, one file each: what it asks, what it shows, what may be done there."""
