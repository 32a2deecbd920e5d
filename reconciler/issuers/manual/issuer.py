"""The issuer that is a person."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from reconciler.issuers.orderly import read_request
from reconciler.issuers.port import CertificateRequest, Issued, IssuerUnusable, RequestRefused, Waiting
from reconciler.pki.answer import read_chain
from reconciler.pki.request import LARGEST, NotARequest, RequestFacts, parse_request
from reconciler.whole_file import write_whole

from .answers import Answer, NoAnswer, answers_to_none, find_answer
from .folder import AnswerFolder, Looked, read_text
from .names import stem_of
from .note import TAKEN, note_of, taken_line

_LARGEST_NOTE: Final = 64 * 1024
_LET_US: Final = "let the account that runs this read and write the folder"


class ManualIssuer:
    """Writes each request to a folder, with a note of what to order, and takes the answer from there.

    Nothing in the folder is changed but the notes, and nothing is removed.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        *,
        is_text: bool = True,
        note: str = "",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take what is declared.

        Args:
            name: Its name under ``issuers``, for messages.
            folder: Where requests and answers are.
            is_text: Requests are written as PEM; else as DER.
            note: Stands in each note.
            clock: Gives now; UTC, aware.
        """
        self._name = name
        self._folder = folder
        self._answers = AnswerFolder(folder)
        self._is_text = is_text
        self._note = note
        self._clock = clock

    def issue(self, request: CertificateRequest) -> Issued | Waiting:
        """Put a request into the folder where it is not there, and look for its answer.

        Raises:
            RequestRefused: it is not in order, another file has its name, or what is called as it is is no
                answer to it.
            IssuerUnusable: the folder cannot be used.
        """
        facts = read_request(self._name, request)
        stem = stem_of(request.address, facts.public_key, request.renews)
        file = f"{stem}{'.csr' if self._is_text else '.der'}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._put(file, facts)
            note = self._folder / f"{stem}.txt"
            told = read_text(note, _LARGEST_NOTE)
            if not told:
                since = request.since or self._clock()
                told = note_of(
                    request.address, facts, file, is_text=self._is_text, since=since, own=self._note
                )
                write_whole(note, told.encode("utf-8"))
            looked = self._answers.look()
            found = find_answer(
                looked.files, self._answers.read, stem, facts.public_key, after=request.renews
            )
            if isinstance(found, Answer) and TAKEN not in told:
                write_whole(note, (told + taken_line(found.file, self._clock())).encode("utf-8"))
        except OSError as error:
            reason = f"{self._folder} cannot be used: {error.strerror or error}"
            raise IssuerUnusable(self._name, reason, _LET_US) from error
        match found:
            case Answer():
                return Issued(found.chain, read_chain(found.chain)[0].not_after)
            case NoAnswer():
                reason = f"{self._folder / found.file} is not the answer: {found.reason}"
                hint = (
                    "put the answer beside it, and move this file away; the request stays and is used again"
                )
                raise RequestRefused(self._name, reason, hint)
            case None:
                return Waiting(file, f"nothing in {self._folder} answers {file}{_but(looked)}")

    def _put(self, file: str, facts: RequestFacts) -> None:
        """Write the request, as its authority wants it, if it is not there."""
        path = self._folder / file
        if path.exists():
            with path.open("rb") as opened:
                there = opened.read(LARGEST + 1)
            try:
                is_it = parse_request(there).public_key == facts.public_key
            except NotARequest:
                is_it = False
            if not is_it:
                reason = f"{path} is there, and is not this request"
                raise RequestRefused(self._name, reason, "move that file away, and apply again")
            return
        data = facts.pem.encode("ascii")
        if not self._is_text:
            data = x509.load_pem_x509_csr(data).public_bytes(Encoding.DER)
        write_whole(path, data)


def _but(looked: Looked) -> str:
    """What lies there in place of an answer."""
    others = answers_to_none(looked.files)
    more = f" (and {len(others) - 1} more)" if len(others) > 1 else ""
    told = f"; {others[0].file} answers none: {others[0].reason}{more}" if others else ""
    return told + (f"; {looked.told}" if looked.told else "")
