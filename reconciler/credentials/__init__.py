"""References to secrets, and the secrets that they lead to. No secret is in any text that leaves here."""
