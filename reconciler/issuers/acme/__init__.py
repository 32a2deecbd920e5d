"""Authorities that speak ACME (RFC 8555): accounts, orders, validation, renewal information, revocation."""
