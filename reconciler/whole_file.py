"""Files that are never seen in part."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Put a file in its place at once: whoever reads it meanwhile finds the old one or the new one.

    By the umask, not 0600: what is written so is no secret, and is often read by somebody else.

    Raises:
        OSError: it cannot be written; what was there is still there.
    """
    draft = path.with_name(f".reconciler-{secrets.token_hex(8)}")
    try:
        with draft.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise
