"""What certificates and requests say, and whether that is what was asked for. Pure: DER in, facts out."""
