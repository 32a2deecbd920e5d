"""Everything a lab sent, decoded, so that a test can search it for what must never leave a server."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from uuid import UUID

FOLDER: Final = "transcript"


class Transcript:
    """Appends to files under the lab's directory: ``SERVER.http``, and one of messages for each pipeline."""

    def __init__(self, directory: Path) -> None:
        self._folder = directory / FOLDER
        self._folder.mkdir(exist_ok=True)

    def response(self, server: str, body: bytes) -> None:
        """Note the body of an HTTP response."""
        self._append(f"{server}.http", body + b"\n")

    def message(self, server: str, shell: UUID, pipeline: UUID | None, content: bytes) -> None:
        """Note PSRP messages, without the base64 and the fragment headers that would hide what they hold."""
        self._append(f"{server}-{shell}-{pipeline or 'pool'}.clixml", content)

    def _append(self, name: str, data: bytes) -> None:
        with (self._folder / name).open("ab") as file:
            file.write(data)
