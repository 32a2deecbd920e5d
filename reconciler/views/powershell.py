"""Invocations as the command line an administrator would type.

For reading: what is sent is a command object with parameters, never this text.
"""

from __future__ import annotations

import re

from reconciler.cmdlets.domain_controller import PARAMETER
from reconciler.cmdlets.invocation import Answer, Invocation, ParameterValue, is_secret
from state.values import CredentialReference, Deferred

from .terminal import Ink, columns, harmless
from .values import MOST_ITEMS, deferred_text

SWITCHES = frozenset(
    {
        "BinaryEncoded",
        "Confirm",
        "DoNotRequireSsl",
        "Force",
        "GenerateRequest",
        "IncludeAcceptedDomains",
        "IncludeAutoDiscover",
        "IncludeServerFQDN",
        "IncludeServerNetBIOSName",
        "NetworkServiceAllowed",
        "WhatIf",
    }
)
"""Parameters of the cmdlets that plans hold whose type is SwitchParameter on the cmdlet pages."""

_BARE = re.compile(r"[A-Za-z][A-Za-z0-9_.\\-]*")
_QUOTES = re.compile("['\u2018\u2019\u201a\u201b]")
"""Any of these ends a single-quoted string. Source: about_Quoting_Rules."""

_QUESTIONS = {"default_smtp": "asks to replace the default SMTP certificate"}


def invocation_lines(invocation: Invocation, *, ink: Ink, indent: str, width: int) -> list[str]:
    """``EDGE1> New-SendConnector -Name ...``, continued over lines, and the answers below it.

    PowerShell reads on after a comma, and after a backtick at the end of a line.
    """
    server, cmdlet = harmless(invocation.server), harmless(invocation.cmdlet)
    lines = [f"{indent}{ink.cyan(server + '>')} {cmdlet}"]
    used = columns(f"{indent}{server}> {cmdlet}")
    inner = indent + "    "
    for name, value in invocation.parameters.items():
        if names_domain_controller(name, value):
            continue
        pieces = _pieces(name, value)
        if columns(inner + "".join(pieces)) + len(" `") <= width:
            pieces = ["".join(pieces)]
        for at, piece in enumerate(pieces):
            glue = "" if at else " "
            if used + columns(glue + piece) + len(" `") <= width:
                lines[-1] += glue + piece
                used += columns(glue + piece)
            else:
                lines[-1] += "" if at else " `"
                lines.append(inner + ("  " if at else "") + piece)
                used = columns(lines[-1])
    return lines + [inner + _answer_text(answer) for answer in invocation.answers]


def names_domain_controller(name: str, value: ParameterValue) -> bool:
    """Whether this is the domain controller of the run: the same everywhere, and told once for all."""
    return name == PARAMETER and isinstance(value, Deferred)


def _pieces(name: str, value: ParameterValue) -> list[str]:
    """``-Name value`` as PowerShell takes it, in parts between which a line may end."""
    if name in SWITCHES and isinstance(value, bool):
        return [f"-{name}" if value else f"-{name}:$false"]
    if not isinstance(value, tuple):
        return [f"-{name} {_literal(value)}"]
    items = [_literal(item) for item in value[:MOST_ITEMS]]
    pieces = [f"{item}," for item in items[:-1]] + items[-1:] if items else ["@()"]
    pieces[0] = f"-{name} {pieces[0]}"
    if len(value) > MOST_ITEMS:
        pieces.append(f" (and {len(value) - MOST_ITEMS} more)")
    return pieces


def _literal(value: bool | int | str | Deferred | CredentialReference | None) -> str:
    match value:
        case _ if is_secret(value):
            return "(secret)"
        case None:
            return "$null"
        case bool():
            return "$true" if value else "$false"
        case int():
            return str(value)
        case str():
            return value if _BARE.fullmatch(value) else f"'{_QUOTES.sub(_doubled, harmless(value))}'"
        case Deferred():
            return deferred_text(value)
        case CredentialReference():
            return "(secret)"


def _doubled(quote: re.Match[str]) -> str:
    return quote.group() * 2


def _answer_text(answer: Answer) -> str:
    return f"{question(answer.prompt)}: {answer.answer.capitalize()}"


def question(prompt: str) -> str:
    """What Exchange asks: ``asks to replace ...``."""
    return _QUESTIONS.get(prompt, f"asks {prompt}")
