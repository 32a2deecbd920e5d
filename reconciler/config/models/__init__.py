"""What may stand in the YAML: one pydantic model per mapping, a description on every key."""
