"""Exchange's cmdlets: how they are bound, and what each does."""
