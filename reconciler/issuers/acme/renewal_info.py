"""What an authority answers when it is asked about a certificate's renewal (RFC 9773 4.2)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from reconciler.pki.renewal_info import SuggestedWindow
from reconciler.told import one_line


def suggested_window(document: Mapping[str, Any]) -> SuggestedWindow | None:
    """Read the window; None where there is none, or one that ends before it starts, which counts as none."""
    window = document.get("suggestedWindow")
    if not isinstance(window, Mapping):
        return None
    start, end = _instant(window.get("start")), _instant(window.get("end"))
    if start is None or end is None or end <= start:
        return None
    page = document.get("explanationURL")
    return SuggestedWindow(start, end, one_line(page) if isinstance(page, str) else "")


def _instant(text: Any) -> datetime | None:
    try:
        read = datetime.fromisoformat(text)
        return read.astimezone(UTC).replace(microsecond=0) if read.tzinfo is not None else None
    except (TypeError, ValueError, OverflowError):
        return None
