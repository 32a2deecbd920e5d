"""What the world sees: STARTTLS handshakes with the public endpoints."""
