"""The message that creates a pipeline ([MS-PSRP] 2.2.2.10), serialized once for all who are asked alike.

pypsrp makes 330 elements of five commands, which is a tenth of what reading a server costs. But its text
depends on how many parameters each command has, and beyond that only on their words.
"""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Final

from pypsrp.complex_objects import (
    ApartmentState,
    Command,
    CommandParameter,
    HostInfo,
    Pipeline,
    RemoteStreamOptions,
)
from pypsrp.messages import CreatePipeline
from pypsrp.serializer import Serializer

_PLAIN: Final = re.compile(r"[A-Za-z0-9 .:/\\-]+")
"""Words that neither XML nor CLIXML escapes: names of cmdlets, parameters and almost all servers."""
_VERSIONS: Final = frozenset({"2.2", "2.3"})
"""Protocol versions of PowerShell 3 to 5.1, which say how many parts a command has."""


class OneCommand(Command):
    """A command that is a statement by itself; pypsrp copies it twice over before it is serialized.

    That is for libraries whose elements have one parent only, and half of what a message costs.
    """

    def __init__(self, cmdlet: str, protocol_version: str, parameters: Sequence[tuple[str, Any]]) -> None:
        super().__init__(
            cmdlet,
            protocol_version,
            is_script=False,
            args=[CommandParameter(name=name, value=value) for name, value in parameters],
            end_of_statement=True,
        )

    def __deepcopy__(self, _: object) -> OneCommand:
        return self


def text_of_pipeline(message: CreatePipeline) -> bytes | None:
    """Write a pipeline of `OneCommand`s as pypsrp would; None for one that is left to pypsrp.

    Left are those of sessions that answer questions, which tell of their host, and those with parameters that
    are not plain words: who changes something does it once.
    """
    pipeline: Any = message.pipeline
    host: Any = message.host_info
    commands: list[OneCommand] = pipeline.commands
    words = [word for command in commands for word in _words(command)]
    version = commands[0].protocol_version
    if host.host is not None or version not in _VERSIONS or not all(map(_is_plain, words)):
        return None
    return _template(tuple(len(command.args) for command in commands), version).format(*words).encode()


def _words(command: OneCommand) -> Iterator[object]:
    yield command.cmd
    for parameter in command.args:
        yield parameter.name
        yield parameter.value


def _is_plain(word: object) -> bool:
    return isinstance(word, str) and _PLAIN.fullmatch(word) is not None


@lru_cache(maxsize=32)
def _template(shape: tuple[int, ...], version: str) -> str:
    """What pypsrp makes of commands with so many parameters each, with a field for each of `_words`."""
    numbers = itertools.count()

    def field() -> str:
        return f"{{{next(numbers)}}}"

    commands = [
        OneCommand(field(), version, [(field(), field()) for _ in range(parameters)]) for parameters in shape
    ]
    message = CreatePipeline(
        no_input=True,
        apartment_state=ApartmentState(value=ApartmentState.UNKNOWN),
        remote_stream_options=RemoteStreamOptions(value=RemoteStreamOptions.ADD_INVOCATION_INFO),
        add_to_history=False,
        host_info=HostInfo(),
        pipeline=Pipeline(is_nested=False, cmds=commands, history=None, redirect_err_to_out=False),
        is_nested=False,
    )
    element: Any = Serializer().serialize(message)
    return str(ET.tostring(element, "unicode"))
