"""The REST client: one core that never touches a socket, and two faces over it."""
