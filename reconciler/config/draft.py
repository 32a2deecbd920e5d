"""The desired state while it is being put together: what is declared, where it stands, what is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from reconciler.diagnostics import Diagnostic, Severity, SourceRange
from state.address import Address
from state.resources import ReceiveConnector, Resource, SendConnector
from state.values import UNSET, Maybe, Name

from .models.acknowledge import Acknowledgement
from .models.desired import DesiredState, ServerModel
from .suggestion import did_you_mean
from .tree import MappingNode, Node, Path, ScalarNode, key_at, node_at, value_at

R = TypeVar("R", bound=Resource)


@dataclass(frozen=True, slots=True)
class DeclaredServer:
    """A server with the key it is declared under."""

    name: Name
    model: ServerModel
    path: tuple[str, ...]

    @property
    def is_edge(self) -> bool:
        return self.model.role == "edge"

    @property
    def mode(self) -> Maybe[str]:
        """As declared; UNSET where everything is managed, however that is said."""
        return unless_managed(self.model.mode)


def unless_managed(mode: Maybe[str]) -> Maybe[str]:
    """A mode, or UNSET for the one that is assumed: equal resources must not differ by having said it."""
    return UNSET if mode == "manage" else mode


class Draft:
    """Collects resources, their places and the problems with them.

    Attributes:
        state: The parts of the YAML that fit the model.
        root: The YAML itself, with positions; also holds what does not fit.
    """

    def __init__(self, state: DesiredState, root: Node) -> None:
        self.state = state
        self.root = root
        self.diagnostics: list[Diagnostic] = []
        self.resources: dict[Address, Resource] = {}
        self.sources: dict[tuple[Address, str], SourceRange] = {}
        self.acknowledged: dict[Address, frozenset[str]] = {}
        self.credentials: set[str] = set()
        self.partners: dict[str, SourceRange] = {}
        self.servers: dict[Name, DeclaredServer] = {}
        self._paths: dict[Address, Path] = {}
        self._told: dict[tuple[str, SourceRange, str], str] = {}
        for text, model in state.servers.items():
            self._declare(text, model)

    def _declare(self, text: str, model: ServerModel) -> None:
        path = ("servers", text)
        if not text.strip():
            self.error(
                "Name missing", "A server has an empty name.", self.key(*path), "name it as Exchange does"
            )
            return
        name = Name.parse(text)
        if name in self.servers:
            first = self.servers[name]
            self.error(
                "Server declared twice",
                f'"{text}" and "{first.name}" are one name: Active Directory does not tell cases apart. '
                f"The other one is at {self.key(*first.path)}.",
                self.key(*path),
                "keep one of them",
            )
            return
        self.servers[name] = DeclaredServer(name, model, path)

    # Places

    def key(self, *path: str | int) -> SourceRange:
        return key_at(self.root, path)

    def value(self, *path: str | int) -> SourceRange:
        return value_at(self.root, path)

    def where(self, address: Address, *attributes: str) -> SourceRange:
        """Where the first of these attributes that has a place is declared, else the resource."""
        for attribute in attributes:
            if found := self.sources.get((address, attribute)):
                return found
        return self.sources[address, ""]

    # Problems

    def error(self, summary: str, detail: str, where: SourceRange, hint: str, subject: str = "") -> None:
        self._tell(Diagnostic(summary=summary, detail=detail, where=where, hint=hint, subject=subject))

    def warning(self, summary: str, detail: str, where: SourceRange, hint: str, subject: str = "") -> None:
        self._tell(
            Diagnostic(
                summary=summary,
                detail=detail,
                where=where,
                hint=hint,
                subject=subject,
                severity=Severity.WARNING,
            )
        )

    def _tell(self, diagnostic: Diagnostic) -> None:
        """Collect a problem; what is wrong with a kind is told for the first of its connectors alone."""
        if diagnostic.where is not None and diagnostic.subject:
            kind = ".".join(diagnostic.subject.split(".")[:3])
            key = (diagnostic.summary, diagnostic.where, kind)
            if self._told.setdefault(key, diagnostic.subject) != diagnostic.subject:
                return
        self.diagnostics.append(diagnostic)

    # Resources

    def add(self, address: Address, resource: Resource, path: Path) -> bool:
        """Take a resource in, declared at ``path``; an address that is taken is told, and False."""
        where = self.key(*path)
        if address in self.resources:
            self.error(
                "Declared twice",
                f"{address} is also declared at {self.sources[address, '']}.",
                where,
                "give one of them another name",
                str(address),
            )
            return False
        self.resources[address] = resource
        self._paths[address] = path
        self.sources[address, ""] = where
        return True

    def is_written(self, address: Address, *keys: str | int) -> bool:
        """True when a key stands there, even if its value was wrong, which is told."""
        return node_at(self.root, (*self._paths[address], *keys)) is not None

    def place(self, address: Address, path: Path, attributes: Iterable[tuple[str, str]]) -> None:
        """Remember where attributes stand: pairs of attribute and key below ``path``."""
        for attribute, key in attributes:
            self.sources[address, attribute] = self.key(*path, key)

    def acknowledge(self, address: Address, acknowledgements: Sequence[Acknowledgement]) -> None:
        if acknowledgements:
            self.acknowledged[address] = frozenset(each.rule for each in acknowledgements)

    def accepts(self, address: Address, rule: str) -> bool:
        """True when a warning was acknowledged."""
        return rule in self.acknowledged.get(address, frozenset())

    def of(self, kind: type[R]) -> Iterator[tuple[Address, R]]:
        """The resources of one kind, in the order they are declared."""
        for address, resource in self.resources.items():
            if isinstance(resource, kind):
                yield address, resource

    def connectors(self) -> Iterator[tuple[Address, SendConnector | ReceiveConnector]]:
        """Send connectors, then receive connectors."""
        yield from self.of(SendConnector)
        yield from self.of(ReceiveConnector)

    def has_role(self, server: DeclaredServer) -> bool:
        """False where the role is missing or wrong, which is told, and another one stands in for it."""
        node = node_at(self.root, (*server.path, "role"))
        return isinstance(node, ScalarNode) and node.value == server.model.role

    # References

    def servers_named(self, names: Sequence[str], *path: str | int) -> tuple[DeclaredServer, ...]:
        """The declared servers behind a list of names; each that is unknown or repeated is told."""
        found: dict[Name, DeclaredServer] = {}
        for at, text in enumerate(names):
            where = self.value(*path, at)
            name = Name(text.strip())
            if name in found:
                self.error(
                    "Server named twice", f'"{text}" stands twice in the list.', where, "keep one of them"
                )
            elif name in self.servers:
                found[name] = self.servers[name]
            elif not self.is_broken("servers", text):
                self.error(
                    "Unknown server",
                    f'"{text}" is not declared under servers.',
                    where,
                    did_you_mean(text, map(str, self.servers), otherwise="declare it under servers"),
                )
        return tuple(found.values())

    def is_broken(self, *path: str) -> bool:
        """True for what is written but did not fit its model: the problem is told already."""
        parent = node_at(self.root, path[:-1])
        return isinstance(parent, MappingNode) and any(
            key.casefold() == path[-1].casefold() for key in parent.entries
        )
