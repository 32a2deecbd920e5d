"""dns-01: a TXT record under each name, by a program or by dynamic update (RFC 2136)."""

from __future__ import annotations

import binascii
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Final

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.update

from reconciler.credentials.command import CommandFailed, CommandMissing, run
from reconciler.told import error_line, one_line

from .validation import Proof, ProofFailed

TYPE: Final = "dns-01"
_SECONDS: Final = 60.0
_LARGEST: Final = 64 * 1024
_QUERY: Final = 10.0
_TTL: Final = 60


class Hook:
    """A program that makes and removes the record."""

    type = TYPE

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        """Nothing is run yet."""
        self._command = tuple(command)
        self._folder = folder

    @contextmanager
    def shown(self, proofs: Sequence[Proof], pause: Callable[[], None]) -> Iterator[None]:
        """Run it once for each proof, and once more in the end.

        Raises:
            ProofFailed: it failed.
        """
        with ExitStack() as stack:
            for proof in proofs:
                stack.callback(self._clean_up, proof)
                self._run("present", proof)
            yield

    def _clean_up(self, proof: Proof) -> None:
        """What remains is a record that nobody asks for any more: no reason to lose a certificate."""
        with suppress(ProofFailed):
            self._run("cleanup", proof)

    def _run(self, action: str, proof: Proof) -> None:
        told = f"hook {one_line(self._command[0])} {action} for {proof.domain}"
        arguments = [*self._command, action, f"_acme-challenge.{proof.domain}", proof.digest]
        try:
            ended = run(arguments, self._folder, _SECONDS, _LARGEST, given=b"")
        except CommandMissing:
            raise ProofFailed(f"{told}: there is no such program") from None
        except CommandFailed as failed:
            raise ProofFailed(f"{told}: {failed.reason}") from None
        if ended.status:
            said = one_line(ended.said.decode("utf-8", "replace"))
            raise ProofFailed(f"{told}: it ended with status {ended.status}" + (f": {said}" if said else ""))


class DynamicUpdate:
    """Updates signed with TSIG, to the primary server of a zone."""

    type = TYPE

    def __init__(
        self,
        host: str,
        port: int,
        zone: str,
        key: str,
        algorithm: str,
        secret: Callable[[], str],
        wait: timedelta,
    ) -> None:
        """Nothing is sent yet.

        Args:
            host: Of the server.
            key: Name of the TSIG key.
            algorithm: Such as hmac-sha256.
            secret: Gives the TSIG key, base64.
            wait: How long the server may take to answer with a record.
        """
        self._host = host
        self._port = port
        self._zone = dns.name.from_text(zone)
        self._key = key
        self._algorithm = algorithm
        self._secret = secret
        self._wait = wait.total_seconds()

    @contextmanager
    def shown(self, proofs: Sequence[Proof], pause: Callable[[], None]) -> Iterator[None]:
        """Add records, wait until the server answers with them, and delete them in the end.

        Raises:
            ProofFailed: the server does not take them, or does not answer with them in time.
        """
        key = self._tsig()
        with ExitStack() as stack:
            for proof in proofs:
                stack.callback(self._clean_up, proof, key)
                self._update(proof, key, is_there=True)
            end = time.monotonic() + self._wait
            for proof in proofs:
                while not self._is_there(proof):
                    if time.monotonic() > end:
                        reason = f"the name server does not answer with the record of {proof.domain}"
                        raise ProofFailed(reason, "look at its log, or write a longer wait")
                    pause()
            yield

    def _tsig(self) -> dns.tsig.Key:
        try:
            return dns.tsig.Key(self._key, self._secret(), self._algorithm)
        except (binascii.Error, ValueError, dns.exception.DNSException):
            # Without its cause: it may hold the key.
            raise ProofFailed("the TSIG key is not in order", "give its secret in base64") from None

    def _clean_up(self, proof: Proof, key: dns.tsig.Key) -> None:
        with suppress(ProofFailed):
            self._update(proof, key, is_there=False)

    def _update(self, proof: Proof, key: dns.tsig.Key, *, is_there: bool) -> None:
        update = dns.update.UpdateMessage(
            self._zone, keyring=key, keyname=key.name, keyalgorithm=self._algorithm
        )
        name = self._name(proof)
        if is_there:
            update.add(name, _TTL, "TXT", proof.digest)
        else:
            update.delete(name, "TXT", proof.digest)
        code = self._ask(update).rcode()
        if code != dns.rcode.NOERROR:
            raise ProofFailed(
                f"the name server does not take the update for {proof.domain}: {dns.rcode.to_text(code)}",
                "let the TSIG key change TXT records of the zone",
            )

    def _is_there(self, proof: Proof) -> bool:
        query = dns.message.make_query(self._name(proof), dns.rdatatype.TXT)
        query.flags &= ~dns.flags.RD
        return any(
            proof.digest.encode() in record.strings
            for found in self._ask(query).answer
            if found.rdtype == dns.rdatatype.TXT
            for record in found
        )

    def _name(self, proof: Proof) -> dns.name.Name:
        name = dns.name.from_text(f"_acme-challenge.{proof.domain}")
        if not name.is_subdomain(self._zone):
            raise ProofFailed(
                f"{proof.domain} is not in the zone {self._zone.to_text(omit_final_dot=True)}",
                "correct zone, or use a hook that knows all zones",
            )
        return name

    def _ask(self, message: dns.message.Message) -> dns.message.Message:
        try:
            address = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)[0][4][0]
            return dns.query.tcp(message, str(address), timeout=_QUERY, port=self._port)
        except (OSError, ValueError, dns.exception.DNSException) as error:
            reason = f"the name server {self._host}:{self._port} does not answer: {error_line(error)}"
            raise ProofFailed(reason, "correct server, key, algorithm or secret") from error
