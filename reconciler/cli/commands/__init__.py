"""What each command does: calls an operation, shows a view, and says with which code to end."""
