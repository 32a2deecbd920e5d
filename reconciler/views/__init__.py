"""Plans, problems and progress as text and as JSON. Pure: a value in, a text out."""
