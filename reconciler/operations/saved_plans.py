"""Plan files on disk."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from reconciler.diagnostics import Diagnostic
from reconciler.plan.plan_file import LARGEST, SavedPlan, decode_plan, encode_plan, is_plan_file
from state.address import Address
from state.errors import StateTooNew, StateTooOld, StateUnreadable
from state.stores.files import replace_file

from .failed import OperationFailed
from .inputs import Inputs
from .planning import Planned


def save_plan(
    planned: Planned,
    inputs: Inputs,
    out: Path,
    *,
    targets: tuple[Address, ...],
    made_at: datetime,
    tool_version: str,
) -> None:
    """Write a plan that holds no error, with every warning there is, readable by its owner alone.

    Raises:
        OperationFailed: the file cannot be written, or is there and is something else than a saved plan.
    """
    if _holds_something_else(out):
        raise OperationFailed((_not_saved(f"{out} is there, and is no saved plan: it is kept"),))
    saved = SavedPlan(
        plan=replace(planned.plan, diagnostics=planned.diagnostics),
        desired=planned.snapshot,
        path=str(inputs.path.resolve()),
        connections=str(inputs.connections.resolve()) if inputs.connections else "",
        state=str(inputs.state.resolve()) if inputs.state else "",
        targets=targets,
        made_at=made_at,
        tool_version=tool_version,
    )
    try:
        replace_file(out, encode_plan(saved))
    except OSError as error:
        reason = f"{out} cannot be written: {error.strerror or error}"
        raise OperationFailed((_not_saved(reason),)) from error


def is_saved_plan(path: Path) -> bool:
    """Tell whether a file is a saved plan; False for anything that cannot be read."""
    try:
        with path.open("rb") as file:
            return is_plan_file(file.read(200))
    except OSError:
        return False


def read_plan(path: Path) -> SavedPlan:
    """Read a saved plan.

    Raises:
        OperationFailed: it is none, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
        return decode_plan(data, str(path))
    except OSError as error:
        raise OperationFailed((_unreadable(f"{path}: {error.strerror or error}"),)) from error
    except StateTooOld as error:
        raise OperationFailed((_too_old(error),)) from error
    except (StateUnreadable, StateTooNew) as error:
        raise OperationFailed((_unreadable(str(error)),)) from error


def _holds_something_else(out: Path) -> bool:
    """True for a file that is no saved plan, and for what is no file: a plan would take a device's place."""
    try:
        if not out.exists():
            return False
        return not out.is_file() or (out.stat().st_size > 0 and not is_saved_plan(out))
    except OSError:
        return False


def _not_saved(reason: str) -> Diagnostic:
    return Diagnostic(
        summary="Plan not saved",
        detail=f"{reason}.",
        hint="name another file with --out",
    )


def _too_old(error: StateTooOld) -> Diagnostic:
    return Diagnostic(
        summary="Saved plan too old",
        detail=f"{error}: an earlier version of this program wrote it, without the step back of each change.",
        hint="plan again with this version: reconciler plan PATH --out FILE",
    )


def _unreadable(reason: str) -> Diagnostic:
    return Diagnostic(
        summary="Not a saved plan",
        detail=f"{reason}.",
        hint="make one with: reconciler plan PATH --out FILE",
    )
