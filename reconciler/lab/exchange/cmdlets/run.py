"""One invocation: what a cmdlet knows while it runs, and how it shows and asks."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from reconciler.lab.call import Call, Emission, Output, Prompt, View
from reconciler.lab.exchange import clixml
from reconciler.lab.exchange.blobs import signed
from reconciler.lab.exchange.certificates import (
    StoredCertificate,
    TrustStore,
    certificate_object,
    judged,
    parsed,
)
from reconciler.lab.exchange.clixml import Obj, Scalar
from reconciler.lab.exchange.cmdlets.binding import Bound
from reconciler.lab.exchange.cmdlets.catalogue import Cmdlet
from reconciler.lab.exchange.cmdlets.errors import Refused, no_choice, no_host, not_found
from reconciler.lab.exchange.looks import seen
from reconciler.lab.exchange.organization import Objects, Organization, Partition, Server, Stored
from reconciler.lab.exchange.replication import Written

Steps = Generator[Emission, int | None, None]

YES_OR_NO: tuple[tuple[str, str], ...] = (
    ("&Yes", "Continue with only the next step of the operation."),
    ("Yes to &All", "Continue with all the steps of the operation."),
    ("&No", "Skip this operation and proceed with the next operation."),
    ("No to A&ll", "Skip this operation and all subsequent operations."),
)
"""An Exchange session offers no Suspend."""


class Form(Enum):
    """How an object is written for a session."""

    FULL = "full"
    SIGNED = "signed"
    PLAIN = "plain"
    SNAP_IN = "snap-in"


Shown = tuple[Form, View]


class Renderings:
    """Written objects, kept for as long as the object stays the same: listing 50 servers is cheap."""

    def __init__(self) -> None:
        self.ended: dict[str, StoredCertificate] = {}
        """Certificates that are to be shown as ended, by the thumbprint of the real one."""
        self._trees: dict[tuple[str, Shown], tuple[Obj, str]] = {}
        self._certificates: dict[tuple[str, str, Shown], tuple[StoredCertificate, int, int, str]] = {}

    def of(self, key: str, tree: Obj, shown: Shown, secret: bytes, origin: str) -> str:
        place = f"{origin}/{key}", shown
        known = self._trees.get(place)
        if known is None or known[0] is not tree:
            known = self._trees[place] = (tree, _written(_from(tree, origin), shown, secret))
        return known[1]

    def of_certificate(
        self,
        server: Server,
        stored: StoredCertificate,
        judgement: tuple[int, int],
        shown: Shown,
        secret: bytes,
    ) -> str:
        key = (server.name, stored.thumbprint, shown)
        known = self._certificates.get(key)
        if known is None or known[0] is not stored or known[1:3] != judgement:
            tree = certificate_object(stored, server.home.fqdn, *judgement)
            known = self._certificates[key] = (stored, *judgement, _written(tree, shown, secret))
        return known[3]


def _from(tree: Obj, origin: str) -> Obj:
    """The object as one domain controller tells it."""
    if clixml.text_of((tree.properties or {}).get("OriginatingServer")) in (origin, None):
        return tree
    return tree.with_properties({"OriginatingServer": clixml.string(origin)})


def _written(tree: Obj, shown: Shown, secret: bytes) -> str:
    form, view = shown
    match form:
        case Form.SIGNED:
            tree = clixml.with_blobs(tree, lambda blob: signed(blob, secret))
        case Form.PLAIN:
            tree = clixml.plain(tree)
        case Form.SNAP_IN:
            tree = clixml.with_blobs(tree, None)
    return clixml.write(seen(tree, view, secret))


@dataclass(slots=True)
class Run:
    """One cmdlet at work.

    Attributes:
        organization: What it works on.
        server: The server that the session is with.
        cmdlet: What it is.
        call: How it was called.
        bound: Its parameters.
        now: The instant; UTC.
        trust: The authorities that servers trust.
        renderings: Objects written before.
    """

    organization: Organization
    server: Server
    cmdlet: Cmdlet
    call: Call
    bound: Bound
    now: datetime
    trust: TrustStore
    renderings: Renderings

    @property
    def partition(self) -> Partition:
        return self.server.partition

    @property
    def controller(self) -> str:
        """The domain controller that this works on: the one that is named, or the server's own.

        Raises:
            Refused: there is none of that name.
        """
        name = self.bound.text("DomainController")
        if name is None:
            return self.organization.controller(self.server)
        found = self.partition.replication.controller(name)
        if found is None:
            # What Exchange says of a name that is no domain controller's is in no source at hand
            # [inf: no-controller].
            raise Refused(
                f"The domain controller '{name}' isn't available.",
                kind="SuitabilityDirectoryException",
                target="DomainController",
            )
        return found

    @property
    def written(self) -> Written:
        """Where and when a write of this lands."""
        return Written(self.controller, self.now)

    @property
    def send_connectors(self) -> Objects:
        """As the domain controller has them."""
        return self.organization.send_connectors(self.partition, self.controller, self.now)

    def receive_connectors(self, server: Server) -> Objects:
        """As the domain controller has them."""
        return self.organization.receive_connectors(server, self.controller, self.now)

    def is_listed(self, server: Server) -> bool:
        """Whether a server is in this directory: the organization's also lists subscribed Edge servers."""
        return server.partition is self.partition or (
            not self.server.home.is_edge and self.organization.is_subscribed(server)
        )

    def show(self, stored: Stored, since: Mapping[str, tuple[int, ...]] | None = None) -> Output:
        """Write an object as this session wants it [6.1-2], [6.1-5]; it says who tells it.

        Args:
            since: Properties that the answering server knows from a version on; an older one leaves them out.
        """
        shown = self._form(stored.is_export), self.call.view
        key = f"{self.server.partition.key}/{stored.tree.types and stored.tree.types[0]}/{stored.guid}"
        unknown = {name for name, first in (since or {}).items() if self.server.home.build.version < first}
        tree = stored.tree.without_properties(unknown)
        return Output(self.renderings.of(key, tree, shown, self.organization.secret, self.controller))

    def show_value(self, value: clixml.Value) -> Output:
        """Write something that is not in the directory, such as a request's text."""
        if isinstance(value, Scalar):
            return Output(clixml.write(value))
        return Output(
            _written(value, (self._form(is_export=False), self.call.view), self.organization.secret)
        )

    def show_certificate(self, server: Server, stored: StoredCertificate) -> Output:
        shown = self._form(is_export=stored.export is not None), self.call.view
        judgement = self.judged(server, stored)
        secret = self.organization.secret
        return Output(self.renderings.of_certificate(server, stored, judgement, shown, secret))

    def judged(self, server: Server, stored: StoredCertificate) -> tuple[int, int]:
        """Status and RootCAType of a certificate on a server."""
        known = [parsed(der) for der in server.intermediates]
        return judged(stored, self.trust, known, self.now)

    def _form(self, is_export: bool) -> Form:
        # An Edge server's session loads the snap-in but not Exchange's type table, which is what adds
        # SerializationData: its certificates are RawData only. That nested objects come whole there
        # is the lab's choice; nobody has seen it [5-1].
        if self.call.endpoint == "winrm":
            return Form.SNAP_IN
        if not self.call.full:
            return Form.PLAIN
        return Form.SIGNED if self.server.home.build.signs and not is_export else Form.FULL

    def named_server(self, parameter: str = "Server") -> Server:
        """The server that a parameter names, or the connected one."""
        name = self.bound.text(parameter)
        if name is None:
            return self.server
        server = self.organization.server(name)
        if server is None or server.partition is not self.partition:
            raise not_found(name, self.controller)
        return server

    def matching(self, objects: Iterable[Stored], identity: str | None) -> list[Stored]:
        """Find objects by name, GUID, DN or printed identity, ignoring case; None gives all [1-8].

        Raises:
            Refused: there is none of that identity.
        """
        every = list(objects)
        if identity is None:
            return every
        wanted = identity.lower()
        found = [
            stored
            for stored in every
            if wanted
            in {(stored[p] or "").lower() for p in ("Identity", "Guid", "DistinguishedName", "Name")}
        ]
        if not found:
            raise not_found(identity, self.controller)
        return found

    def one(self, objects: Iterable[Stored], identity: str | None) -> Stored:
        """Find exactly one object."""
        found = self.matching(objects, identity)
        if len(found) > 1:
            raise Refused(
                f"The operation couldn't be performed because '{identity}' matches multiple entries.",
                kind="ManagementObjectNotFoundException",
                target=identity or "",
            )
        return found[0]

    def should_process(self, action: str, *, always: bool = False) -> Generator[Emission, int | None, bool]:
        """Ask as -Confirm and -WhatIf want it; True means go ahead.

        Args:
            action: What is going to happen, as a sentence.
            always: Ask unless -Confirm:$false is given, as Remove-* does [1-9].
        """
        if self.bound.is_on("WhatIf"):
            return False
        wants = self.bound.get("Confirm")
        if wants is True or (always and wants is not False):
            question = f"Are you sure you want to perform this action?\n{action}"
            return (yield from self.ask("Confirm", question))
        return True

    def ask(self, caption: str, message: str) -> Generator[Emission, int | None, bool]:
        """Ask yes or no; default Yes.

        Raises:
            Terminated: there is no host to ask, or it answered with what is no choice.
        """
        answer = yield Prompt(caption, message, YES_OR_NO, 0)
        if answer is None:
            raise no_host(self.cmdlet)
        if not 0 <= answer < len(YES_OR_NO):
            raise no_choice(self.cmdlet)
        return answer in (0, 1)

    def check_role(self) -> None:
        """Refuse what the server's role does not allow [1-4]."""
        is_edge = self.server.home.is_edge
        for name in self.bound.values:
            parameter = self.cmdlet.parameters[name]
            if is_edge and (parameter.not_on_edge or name == "DomainController"):
                raise Refused(
                    f"The parameter {name} isn't supported on an Edge Transport server.", target=name
                )
            if parameter.edge_only and not is_edge:
                raise Refused(
                    f"The parameter {name} can be used on an Edge Transport server only.", target=name
                )

    def check_lengths(self) -> None:
        """Refuse texts that are longer than the cmdlet pages allow."""
        for name, value in self.bound.values.items():
            longest = self.cmdlet.parameters[name].max_length
            if isinstance(value, str) and longest and len(value) > longest:
                raise Refused(
                    f"The value of {name} is too long. The length can't exceed {longest}.",
                    kind="DataValidationException",
                    target=name,
                )
