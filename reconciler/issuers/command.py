"""Any program as issuer: it reads a request, and writes the certificate."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

from reconciler.credentials.command import CommandFailed, CommandMissing, Ended, how_ended, run
from reconciler.issuers.orderly import read_request
from reconciler.issuers.port import CertificateRequest, Issued, IssuerUnusable, RequestRefused, Waiting
from reconciler.pki.answer import read_chain
from reconciler.pki.sent import LARGEST_FILE, NotAnAnswer, read_answer
from reconciler.told import one_line

TIMEOUT: Final = timedelta(minutes=2)
NOT_YET: Final = 75
"""Status that tells that a certificate is to come: EX_TEMPFAIL of sysexits.h."""

_BY_HAND: Final = "run it by hand with a request; the request stays, and is used again"


class CommandIssuer:
    """Runs a program for each request, without a shell and within bounds of time and size.

    The request, PEM, is on its standard input; the answer is what it prints. In its environment are
    ``RECONCILER_ADDRESS``, ``RECONCILER_NAMES`` (with commas) and ``RECONCILER_REFERENCE``: the first line
    that it printed when it last ended with :data:`NOT_YET`.
    """

    def __init__(self, name: str, arguments: Sequence[str], folder: Path, timeout: timedelta) -> None:
        self._name = name
        self._arguments = tuple(arguments)
        self._folder = folder
        self._timeout = timeout

    @classmethod
    def open(
        cls, name: str, command: Sequence[str], folder: Path, timeout: timedelta = TIMEOUT
    ) -> CommandIssuer:
        """Find the program.

        Args:
            name: Its name under ``issuers``, for messages.
            command: Program and arguments. A program with a folder counts from ``folder``; one without is
                looked for where the system does.
            folder: Where it runs.
            timeout: How long it may take.

        Raises:
            IssuerUnusable: there is no such program.
        """
        program = command[0]
        is_path = os.sep in program or bool(os.altsep and os.altsep in program)
        found = shutil.which(folder.absolute() / program if is_path else program)
        if found is None:
            # Not the arguments: a token may be among them.
            raise IssuerUnusable(name, f'there is no program "{one_line(program)}" that can be run')
        return cls(name, (str(found), *command[1:]), folder, timeout)

    def issue(self, request: CertificateRequest) -> Issued | Waiting:
        """Run the program.

        Raises:
            RequestRefused: the request is not in order; or the program failed, took too long, or gave
                something else than a certificate for the request.
            IssuerUnusable: it cannot be run.
        """
        facts = read_request(self._name, request)
        ended = self._run(request, facts.pem)
        if ended.status == NOT_YET:
            reference = one_line(_first_line(ended.output)) or request.reference
            return Waiting(reference, one_line(_first_line(ended.said)) or "the program says: not yet")
        if ended.status:
            said = one_line(ended.said.decode("utf-8", "replace"))
            told = f': "{said}"' if said else ", and said nothing"
            raise RequestRefused(self._name, f"{self._program} {how_ended(ended.status)}{told}", _BY_HAND)
        try:
            chain = read_answer(ended.output, facts.public_key)
        except NotAnAnswer as error:
            raise RequestRefused(
                self._name, f"what {self._program} printed is not the answer: {error}", _BY_HAND
            ) from error
        return Issued(chain, read_chain(chain)[0].not_after)

    @property
    def _program(self) -> str:
        return one_line(Path(self._arguments[0]).name)

    def _run(self, request: CertificateRequest, pem: str) -> Ended:
        environment = {
            "RECONCILER_ADDRESS": str(request.address),
            "RECONCILER_NAMES": ",".join(sorted(domain.name for domain in request.domains)),
            "RECONCILER_REFERENCE": request.reference,
        }
        try:
            return run(
                self._arguments,
                self._folder,
                self._timeout / timedelta(seconds=1),
                LARGEST_FILE,
                given=pem.encode("ascii"),
                environment=environment,
            )
        except CommandMissing:
            raise IssuerUnusable(self._name, f"{self._program} is no longer there") from None
        except CommandFailed as error:
            raise RequestRefused(self._name, f"{self._program}: {error.reason}", _BY_HAND) from None


def _first_line(data: bytes) -> str:
    return next(iter(data.decode("utf-8", "replace").strip().splitlines()), "")
