"""What all tests share."""

from __future__ import annotations

from hypothesis import settings

# A busy machine is no broken property: no example is timed.
settings.register_profile("reconciler", deadline=None)
settings.load_profile("reconciler")
