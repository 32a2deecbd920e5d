"""A person as issuer: requests are written to a folder, and answers picked up there."""
