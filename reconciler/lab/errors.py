"""What can go wrong with a lab as a whole: facts first, text last."""

from __future__ import annotations

from pathlib import Path


class LabError(Exception):
    """A lab could not be started, stopped or read."""


class AlreadyRunning(LabError):
    def __init__(self, directory: Path) -> None:
        super().__init__(f"a lab is running in {directory}; stop it first")
        self.directory = directory


class NotALab(LabError):
    def __init__(self, directory: Path) -> None:
        super().__init__(f"{directory} holds no lab")
        self.directory = directory


class FileUnreadable(LabError):
    """A file or folder given to the lab cannot be used."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class StartFailed(LabError):
    """The background process ended, or said nothing, before its listeners answered."""

    def __init__(self, directory: Path, reason: str) -> None:
        super().__init__(f"the lab in {directory} did not start: {reason}")
        self.directory = directory
        self.reason = reason


class StopFailed(LabError):
    def __init__(self, directory: Path, pid: int) -> None:
        super().__init__(f"the lab in {directory} (process {pid}) does not end")
        self.directory = directory
        self.pid = pid
