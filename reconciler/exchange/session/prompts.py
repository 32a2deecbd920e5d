"""Answers the questions that Exchange asks in the middle of a cmdlet.

A server asks by calling a method of the client's host ([MS-PSRP] 2.2.3.17). What was foreseen is answered as
foreseen; any other question stops the pipeline: there is no safe guess.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from pypsrp.complex_objects import HostMethodIdentifier
from pypsrp.host import PSHost, PSHostUserInterface

from reconciler.cmdlets.invocation import Answer
from reconciler.exchange.clixml import Object, Primitive
from reconciler.exchange.errors import UnexpectedPrompt
from reconciler.exchange.session.messages import text_of

_PROMPT: Final = 23
_PROMPT_FOR_CHOICE: Final = 26
# [MS-PSRP] 2.2.3.17: notices and output, which return nothing, so that nobody waits for us.
_WITHOUT_ANSWER: Final = frozenset({6, 8, 9, 10, *range(13, 23)})


class Respondent(PSHost):
    """The host of a pool that writes: it knows what to answer while a command runs."""

    def __init__(self, server: str) -> None:
        super().__init__(None, None, False, "reconciler", None, PSHostUserInterface(), "1.0")
        self._server = server
        self._cmdlet = ""
        self._answers: tuple[Answer, ...] = ()
        self.answered: tuple[Answer, ...] = ()

    def expect(self, cmdlet: str, answers: tuple[Answer, ...]) -> None:
        """Foresee the questions of the next command, and forget those of the last."""
        self._cmdlet, self._answers, self.answered = cmdlet, answers, ()

    def run_method(
        self,
        method_identifier: HostMethodIdentifier,
        args: list[Primitive | Object],
        runspace: Any,
        pipeline: Any = None,
    ) -> int | None:
        """Answer one call; pypsrp sends what this returns, and nothing for None.

        Raises:
            UnexpectedPrompt: nothing foreseen is meant.
        """
        number = method_identifier.value
        if number in _WITHOUT_ANSWER:
            return None
        if number != _PROMPT_FOR_CHOICE or len(args) < 3:
            words = [text_of(argument) for argument in args]
            if number == _PROMPT and len(args) > 2:
                words += _members(args[2], "name")  # mandatory parameters that are missing
            text = "\n".join(filter(None, words))
            raise UnexpectedPrompt(self._server, self._cmdlet, str(method_identifier), text, ())
        text = "\n".join(text_of(argument) for argument in args[:2]).strip()
        labels = tuple(_labels(args[2]))
        for answer in self._answers:
            recognizes = PROMPTS.get(answer.prompt)
            if recognizes is None or not recognizes(text):
                continue
            if (index := choice_of(answer.answer, labels)) is not None:
                self.answered = (*self.answered, answer)
                return index
        raise UnexpectedPrompt(self._server, self._cmdlet, "PromptForChoice", text, labels)


def choice_of(answer: str, labels: Sequence[str]) -> int | None:
    """Which choice means ``yes`` or ``no``; None where nothing tells.

    By its label; where none of the labels is English, by its place among PowerShell's own four, which come
    in one order in every language.

    Args:
        labels: Lower case, without the ``&`` of hot keys.
    """
    wanted = answer.casefold()
    if wanted in labels:
        return labels.index(wanted)
    if len(labels) != len(_FOUR) or not _FOUR.keys().isdisjoint(labels):
        return None
    return _FOUR.get(wanted)


_FOUR: Final = {"yes": 0, "yes to all": 1, "no": 2, "no to all": 3}


def _labels(choices: Primitive | Object) -> list[str]:
    """Labels of ChoiceDescriptions, lower case, without the ``&`` before the hot key."""
    return [label.replace("&", "").strip().casefold() for label in _members(choices, "label")]


def _members(described: Primitive | Object, name: str) -> Iterator[str]:
    """The member ``name`` of each of several ChoiceDescriptions or FieldDescriptions."""
    for one in (described.items or []) if isinstance(described, Object) else []:
        yield text_of((one.get(name) or one.get(name.capitalize())) if isinstance(one, Object) else one)


def _replaces_default_smtp(text: str) -> bool:
    """Whether this asks to replace the default SMTP certificate [2.3-3].

    Told by the two thumbprints that it shows, because its words are in the server's language; the English
    words do as well, for a build that words it without thumbprints.
    """
    return len(set(_THUMBPRINT.findall(text.upper()))) == 2 or "default smtp certificate" in text.casefold()


_THUMBPRINT: Final = re.compile(r"\b[0-9A-F]{40}\b")

PROMPTS: Final[Mapping[str, Callable[[str], bool]]] = {"default_smtp": _replaces_default_smtp}
"""How each question that `Answer.prompt` can name is recognized."""
