"""Answers that lie ready in the folders of manual issuers: planning looks, and takes none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from reconciler.config.desired import Desired
from reconciler.config.models.issuer import ManualIssuer
from reconciler.diagnostics import Diagnostic, Severity
from reconciler.issuers.manual.answers import Answer, NoAnswer, answers_to_none, find_answer
from reconciler.issuers.manual.folder import AnswerFolder, Looked
from reconciler.issuers.manual.names import stem_of
from reconciler.pki.answer import check_answer
from state.address import Address
from state.record import Request, StateRecord

_MOST_TOLD: Final = 3
"""Of the files of one folder that are no answer to anything."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What planning goes by.

    Attributes:
        record: With the answers that lie ready; not to be kept: apply asks the issuer, who looks for itself.
        diagnostics: Of answers that cannot be used.
    """

    record: StateRecord
    diagnostics: tuple[Diagnostic, ...]


def with_answers(record: StateRecord, desired: Desired, now: datetime) -> Answered:
    """Look for the answers of the requests that wait for a person."""
    found = dict(record.requests)
    diagnostics: list[Diagnostic] = []
    folders: dict[Path, tuple[AnswerFolder, Looked | str]] = {}
    unanswered: dict[Path, Address] = {}
    told: set[Path] = set()
    for address, request, folder in _waiting(record.requests, desired):
        if folder not in folders:
            folders[folder] = _looked(folder)
        match _answer(address, request, *folders[folder], now):
            case Answer() as answer:
                found[address] = replace(request, answer=answer.chain)
            case NoAnswer() as wrong:
                diagnostics.append(_not_usable(address, folder, wrong))
                told.add(folder / wrong.file)
            case None:
                unanswered.setdefault(folder, address)
    for folder, address in unanswered.items():
        _, looked = folders[folder]
        if isinstance(looked, str):
            continue
        others = answers_to_none(looked.files)
        left = [other for other in others if folder / other.file not in told]
        diagnostics += [_not_usable(address, folder, other) for other in left[:_MOST_TOLD]]
        if looked.left_out:
            diagnostics.append(_left_out(folder, looked))
    return Answered(replace(record, requests=found), tuple(diagnostics))


def _waiting(
    requests: Mapping[Address, Request], desired: Desired
) -> Iterable[tuple[Address, Request, Path]]:
    for address, request in requests.items():
        issuer = desired.issuers.get(str(request.asked.issuer))
        if request.is_waiting and issuer is not None and isinstance(issuer.settings, ManualIssuer):
            yield address, request, issuer.base / issuer.settings.folder


def _looked(path: Path) -> tuple[AnswerFolder, Looked | str]:
    """What lies there, or why nobody can tell."""
    folder = AnswerFolder(path)
    try:
        return folder, folder.look()
    except OSError as error:
        return folder, f"it cannot be read: {error.strerror or error}"


def _answer(
    address: Address, request: Request, folder: AnswerFolder, looked: Looked | str, now: datetime
) -> Answer | NoAnswer | None:
    if isinstance(looked, str):
        return NoAnswer("", looked)
    stem = stem_of(address, request.public_key, request.renews)
    found = find_answer(looked.files, folder.read, stem, request.public_key, after=request.renews)
    if isinstance(found, Answer) and (
        wrong := check_answer(found.chain, request.public_key, request.asked, now, after=request.renews)
    ):
        return NoAnswer(found.file, "; ".join(map(str, wrong)))
    return found


def _not_usable(address: Address, folder: Path, wrong: NoAnswer) -> Diagnostic:
    return Diagnostic(
        summary="Answer not usable",
        detail=f"{folder / wrong.file}, for {address}: {wrong.reason}.",
        hint="put the right answer into the folder, and move this one away; the request stays open",
        subject=str(address),
        severity=Severity.WARNING,
    )


def _left_out(folder: Path, looked: Looked) -> Diagnostic:
    return Diagnostic(
        summary="Files not looked at",
        detail=f"{folder} holds many files that may be answers: {looked.told}.",
        hint="move what was answered long ago elsewhere, or name a folder for this alone",
        severity=Severity.WARNING,
    )
