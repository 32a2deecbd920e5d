"""An organization in process: cmdlets go in, objects and errors come out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from reconciler.lab.call import (
    Argument,
    Call,
    Emission,
    Endpoint,
    ErrorRecord,
    Failed,
    Output,
    Prompt,
    Terminated,
    Warned,
)
from reconciler.lab.exchange import open_exchange
from reconciler.lab.exchange.clixml import Obj, Scalar, Value, text_of, texts_of
from reconciler.lab.exchange.clixml_reader import read
from reconciler.lab.exchange.lab_exchange import LabExchange


@dataclass(frozen=True)
class Result:
    """What one invocation gave."""

    xml: list[str] = field(default_factory=list)
    errors: list[ErrorRecord] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    prompts: list[Prompt] = field(default_factory=list)
    has_terminated: bool = False

    @property
    def objects(self) -> list[Value]:
        return [value for xml in self.xml for value in read(f"<Objs>{xml}</Objs>".encode())]

    @property
    def one(self) -> Obj:
        assert not self.errors, self.errors
        (value,) = self.objects
        assert isinstance(value, Obj)
        return value

    @property
    def text(self) -> str:
        """The only output, a string."""
        (value,) = self.objects
        assert isinstance(value, Scalar)
        return value.text

    def __getitem__(self, name: str) -> str | None:
        return text_of((self.one.properties or {})[name])

    def items(self, name: str) -> list[str]:
        return list(texts_of((self.one.properties or {})[name]))

    @property
    def error(self) -> ErrorRecord:
        (error,) = self.errors
        return error

    @property
    def error_id(self) -> str:
        return self.error.fully_qualified_id


class Lab:
    """An organization and a clock that tests move."""

    def __init__(self, directory: Path, new_key: Callable[[int], rsa.RSAPrivateKey], **options: Any) -> None:
        self.directory = directory
        self.now = datetime(2026, 3, 1, 12, tzinfo=UTC)
        self._options: dict[str, Any] = {"servers": 1, "edges": 0, "build": "2019", "from_clixml": None}
        self._options |= {**options, "now": lambda: self.now, "new_key": new_key}
        self.exchange = self.reopened()

    def reopened(self, **options: Any) -> LabExchange:
        return open_exchange(self.directory, **(self._options | options))

    def call(
        self,
        cmdlet: str,
        *arguments: Argument,
        server: str,
        endpoint: Endpoint = "exchange",
        full: bool = True,
    ) -> Iterator[Emission]:
        return self.exchange.run(Call(server, "admin", endpoint, full, cmdlet, arguments))

    def run(
        self,
        cmdlet: str,
        *positional: Any,
        on: str = "MBX1",
        endpoint: Endpoint = "exchange",
        full: bool = True,
        answer: int | None = 0,
        **named: Any,
    ) -> Result:
        """Run a cmdlet; every prompt gets ``answer``. ``...`` as a value stands for a bare switch."""
        arguments = [Argument(None, value) for value in positional]
        for name, value in named.items():
            is_bare = value is ...
            arguments.append(Argument(name, None if is_bare else value, is_switch=is_bare))
        steps = self.exchange.run(Call(on, "admin", endpoint, full, cmdlet, tuple(arguments)))
        result = Result()
        reply: int | None = None
        try:
            while True:
                emission = steps.send(reply)
                reply = None
                match emission:
                    case Output(xml):
                        result.xml.append(xml)
                    case Failed(error):
                        result.errors.append(error)
                    case Warned(message):
                        result.warnings.append(message)
                    case Prompt():
                        result.prompts.append(emission)
                        reply = answer
        except StopIteration:
            return result
        except Terminated as end:
            return Result(
                result.xml, [*result.errors, end.error], result.warnings, result.prompts, has_terminated=True
            )

    def later(self, **delta: float) -> None:
        self.now += timedelta(**delta)


_POOL: dict[int, list[rsa.RSAPrivateKey]] = {}


def _keys() -> Callable[[int], rsa.RSAPrivateKey]:
    """Keys that differ within one organization; the next one draws the same again."""
    drawn: dict[int, int] = {}

    def new(bits: int) -> rsa.RSAPrivateKey:
        pool, number = _POOL.setdefault(bits, []), drawn.get(bits, 0)
        drawn[bits] = number + 1
        if number == len(pool):
            pool.append(rsa.generate_private_key(public_exponent=65537, key_size=bits))
        return pool[number]

    return new


@pytest.fixture
def new_lab(tmp_path: Path) -> Callable[..., Lab]:
    """Make a lab: ``new_lab(servers=2, edges=1, build="2016-cu23")``."""

    def new(**options: Any) -> Lab:
        directory = tmp_path / f"lab{sum(1 for _ in tmp_path.iterdir())}"
        directory.mkdir()
        return Lab(directory, _keys(), **options)

    return new


@pytest.fixture(scope="session")
def lab_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Lab]:
    """A lab of a build, for tests that change nothing in it: one Mailbox and one Edge server."""
    known: dict[str, Lab] = {}

    def of(build: str) -> Lab:
        if build not in known:
            known[build] = Lab(tmp_path_factory.mktemp("lab"), _keys(), edges=1, build=build)
        return known[build]

    return of


@pytest.fixture
def lab(new_lab: Callable[..., Lab]) -> Lab:
    """One Mailbox server MBX1 and one Edge server EDGE1, Exchange 2019."""
    return new_lab(edges=1)
