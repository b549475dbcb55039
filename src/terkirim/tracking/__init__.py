"""What providers say after a while: verified, kept, read, matched and applied; and what follows."""
