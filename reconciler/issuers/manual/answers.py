"""Which file of a folder is the answer to a request. Pure: the files are given."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath
from typing import Final

from reconciler.pki.answer import read_chain
from reconciler.pki.sent import NotAnAnswer, keys_in, read_answer

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


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of a file without its content: a folder of a year's answers is not kept in memory.

    Attributes:
        keys: Of the certificates in it.
        problem: Why there are none; "" where there are.
        is_read: It could be read.
    """

    name: str
    keys: frozenset[str] = frozenset()
    problem: str = ""
    is_read: bool = True


def seen(file: File) -> Seen:
    """Look through a file."""
    if file.data is None:
        return Seen(file.name, problem=file.reason, is_read=False)
    try:
        return Seen(file.name, keys_in(file.data))
    except NotAnAnswer as error:
        return Seen(file.name, problem=str(error))


def answers_to_none(files: Iterable[Seen]) -> tuple[NoAnswer, ...]:
    """The files that are no answer to any request: a page, a key, what is cut off; not those for other keys.

    Somebody meant them as one, whatever they are called: what was answered long ago may lie there too, and is
    a certificate.
    """
    return tuple(NoAnswer(one.name, one.problem) for one in files if one.problem and one.is_read)


def find_answer(
    files: Iterable[Seen],
    read: Callable[[str], File],
    stem: str,
    public_key: str,
    *,
    after: datetime | None = None,
) -> Answer | NoAnswer | None:
    """Find the answer to a request: a certificate for its key, whatever its file is called.

    Where there are several, the one that is valid for longest. Where there is none, a file that is called as
    the request is tells that somebody meant it to be one.

    Args:
        files: Those that :func:`is_answer_file` names.
        read: Reads one of them, by its name.
        stem: What the request's files are called.
        public_key: Of the request, as :attr:`state.record.Request.public_key`.
        after: As :attr:`state.record.Request.renews`: what answered an earlier request for that key is none.
    """
    answers: list[Answer] = []
    wrong: list[NoAnswer] = []
    for one in files:
        is_meant = one.name.casefold().startswith(stem.casefold())
        if not is_meant and public_key not in one.keys:
            continue
        file = read(one.name)
        if file.data is None:
            wrong.append(NoAnswer(file.name, file.reason))
            continue
        try:
            answer = Answer(file.name, read_answer(file.data, public_key))
            if after is None or read_chain(answer.chain)[0].not_before > after:
                answers.append(answer)
        except NotAnAnswer as error:
            # What came with a stray is for this key.
            wrong.append(NoAnswer(file.name, str(error)))
    if answers:
        return max(answers, key=lambda answer: read_chain(answer.chain)[0].not_after)
    return wrong[0] if wrong else None
