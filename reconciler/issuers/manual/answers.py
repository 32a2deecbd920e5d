"""Which file of a folder is the answer to a request. Pure: the files are given."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath
from typing import Final

from reconciler.pki.answer import read_chain
from reconciler.pki.problem import Rule
from reconciler.pki.sent import NotAnAnswer, read_answer

SUFFIXES: Final = (".cer", ".crt", ".pem", ".p7b", ".p7c")


@dataclass(frozen=True, slots=True)
class File:
    """One file of the folder.

    Attributes:
        data: Its content; None where it could not be read, and ``reason`` says why.
    """

    name: str
    data: bytes | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found.

    Attributes:
        file: The name of the file that holds it.
        chain: PEM, the certificate for the request's key first.
    """

    file: str
    chain: str


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """A file is meant as the answer, and is none.

    Attributes:
        reason: In one sentence's worth of words, with ``it`` for the file.
    """

    file: str
    reason: str


def is_answer_file(name: str) -> bool:
    """Whether a file may hold an answer, by its name."""
    return PurePath(name).suffix.lower() in SUFFIXES and not name.startswith(".")


def answers_to_none(files: Iterable[File]) -> tuple[NoAnswer, ...]:
    """The files that are no answer to any request: a page, a key, what is cut off; not those for other keys.

    Somebody meant them as one, whatever they are called: what was answered long ago may lie there too, and is
    a certificate.
    """
    found: list[NoAnswer] = []
    for file in files:
        try:
            if file.data is not None:
                read_answer(file.data, "")
        except NotAnAnswer as error:
            if error.problem.rule not in (Rule.OTHER_KEY, Rule.STRAY):
                found.append(NoAnswer(file.name, str(error)))
    return tuple(found)


def find_answer(
    files: Iterable[File], stem: str, public_key: str, *, after: datetime | None = None
) -> Answer | NoAnswer | None:
    """Find the answer to a request: a certificate for its key, whatever its file is called.

    Where there are several, the one that is valid for longest. Where there is none, a file that is called as
    the request is tells that somebody meant it to be one.

    Args:
        files: Those that :func:`is_answer_file` names.
        stem: What the request's files are called.
        public_key: Of the request, as :attr:`state.record.Request.public_key`.
        after: As :attr:`state.record.Request.renews`: what answered an earlier request for that key is none.
    """
    answers: list[Answer] = []
    wrong: list[NoAnswer] = []
    for file in files:
        is_meant = file.name.casefold().startswith(stem.casefold())
        if file.data is None:
            wrong += [NoAnswer(file.name, file.reason)] if is_meant else []
            continue
        try:
            answer = Answer(file.name, read_answer(file.data, public_key))
            if after is None or read_chain(answer.chain)[0].not_before > after:
                answers.append(answer)
        except NotAnAnswer as error:
            # What came with a stray is for this key, or it would not have come so far.
            if is_meant or error.problem.rule is Rule.STRAY:
                wrong.append(NoAnswer(file.name, str(error)))
    if answers:
        return max(answers, key=lambda answer: read_chain(answer.chain)[0].not_after)
    return wrong[0] if wrong else None
