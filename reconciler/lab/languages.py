"""What servers of other languages say: who reads errors by their words is found out."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from reconciler.lab.call import Emission, ErrorRecord, Failed, Look, Prompt, Warned

_NAMES = re.compile(r"'([^']+)'")

_GERMAN: Final = "Der Vorgang konnte nicht ausgeführt werden, weil es für {} nicht zulässig ist."
_JAPANESE: Final = "{} に対して操作を実行できませんでした。"
_ANSWERS: Final = {
    Look.GERMAN: ("&Ja", "Ja, &alle", "&Nein", "Nein, &keine"),
    Look.JAPANESE: ("はい(&Y)", "すべて続行(&A)", "いいえ(&N)", "すべて無視(&L)"),
}
"""PowerShell's own four, in its order."""


def _mangled(text: str) -> str:
    """Japanese bytes that somebody took for Western European ones."""
    return text.encode("cp932", "replace").decode("latin-1")


_WRITERS: Final[dict[Look, Callable[[str], str]]] = {
    Look.GERMAN: _GERMAN.format,
    Look.JAPANESE: _JAPANESE.format,
    Look.MOJIBAKE: lambda names: _mangled(_JAPANESE.format(names)),
}


def language_of(looks: frozenset[Look]) -> Look | None:
    """The language that is asked for; None for English."""
    return next((look for look in _WRITERS if look in looks), None)


def told(text: str, language: Look) -> str:
    """The same message in a language: of the English one the names between quotes are left."""
    return _WRITERS[language](", ".join(f"'{name}'" for name in _NAMES.findall(text)) or "'Exchange'")


def in_language(error: ErrorRecord, language: Look | None) -> ErrorRecord:
    """The same error: type, id and category are the same everywhere."""
    return error if language is None else replace(error, message=told(error.message, language))


def spoken(emission: Emission, language: Look) -> Emission:
    """What a cmdlet says on its way."""
    match emission:
        case Failed(error):
            return Failed(in_language(error, language))
        case Warned(message):
            return Warned(told(message, language))
        case Prompt():
            return _asked(emission, language)
        case _:
            return emission


def _asked(prompt: Prompt, language: Look) -> Prompt:
    labels: tuple[str, ...] = _ANSWERS[Look.GERMAN if language is Look.GERMAN else Look.JAPANESE]
    if language is Look.MOJIBAKE:
        labels = tuple(map(_mangled, labels))
    choices = prompt.choices
    if len(choices) == len(labels):
        helps = (told(text, language) for _, text in choices)
        choices = tuple(zip(labels, helps, strict=True))
    message = told(prompt.message, language)
    return replace(prompt, caption=told("", language), message=message, choices=choices)
