"""How real Exchange is read and told: the port, the one session behind it, and its readers."""
