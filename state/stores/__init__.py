"""Where the record can be kept; the only I/O of this package."""

from .local import LocalStore
from .memory import MemoryStore

__all__ = ["LocalStore", "MemoryStore"]
