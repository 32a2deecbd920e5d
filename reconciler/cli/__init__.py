"""The command line: typer commands that only wire, exit codes, and the composition root."""

from .entry import main

__all__ = ["main"]
