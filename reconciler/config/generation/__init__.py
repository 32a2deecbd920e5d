"""YAML of a live organization: what is there, declared so that its plan is empty.

Read by people, so it is built as text: tidy, in one order, with comments that say what a person must know.
"""

from .document import Document, compose
from .found import Choices, Found, Thing

__all__ = ["Choices", "Document", "Found", "Thing", "compose"]
