"""Exchange servers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, Self

from ..errors import InvalidValue
from ..values import Fqdn, Maybe, Name
from .attribute import BOOL, FQDN, NAME, TEXT, Choice, Scalar, ValueType, observed, setting
from .resource import MODE, Resource

_VERSION = re.compile(r"(?:Version )?(\d{1,3})\.(\d{1,3})(?: \(Build |\.)(\d{1,6})\.(\d{1,6})\)?")


@dataclass(frozen=True, slots=True, order=True)
class Build:
    """Exchange's version number. ``Version 15.2 (Build 986.5)`` and ``15.2.986.5`` are one."""

    major: int
    minor: int
    build: int
    revision: int

    @classmethod
    def parse(cls, text: str) -> Self:
        found = _VERSION.fullmatch(text.strip())
        if not found:
            raise InvalidValue(text, "a version such as 15.2.986.5")
        return cls(*map(int, found.groups()))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.build}.{self.revision}"


BUILD: ValueType[Build] = Scalar("a version such as 15.2.986.5", Build.parse)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server(Resource):
    """One server of the organization; read, never changed."""

    kind: ClassVar[str] = "server"

    name: Maybe[Name] = observed("Name", NAME)
    fqdn: Maybe[Fqdn] = observed("Fqdn", FQDN)
    build: Maybe[Build] = observed("AdminDisplayVersion", BUILD)
    is_edge: Maybe[bool] = observed("IsEdgeServer", BOOL)
    site: Maybe[str] = observed("Site", TEXT)
    """Its Active Directory site; "" for an Edge server, which is in none."""

    role: Maybe[str] = setting(Choice("edge", "mailbox"))
    """As declared."""
    version: Maybe[str] = setting(Choice("SE", "2019", "2016", "2013", "2010"))
    """As declared, for the offline checks."""
    mode: Maybe[str] = setting(MODE)
    """What holds for everything on it that says nothing else; UNSET: ``manage``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedDomain(Resource):
    """A domain that the organization receives mail for; read, never changed."""

    kind: ClassVar[str] = "accepted_domain"

    domain: Maybe[str] = observed("DomainName", Scalar("a domain", str.lower))
    """A domain, ``*.domain`` or ``*``; lower case."""
