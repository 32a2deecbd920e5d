"""Who signs requests: the port, and one module for each kind of issuer."""
