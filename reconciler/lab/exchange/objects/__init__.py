"""The shapes of Exchange's objects, for organizations that the lab makes up."""
