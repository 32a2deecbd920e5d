"""A plan as a PowerShell script: for reading, and for whoever has to run it by hand.

The invocations are those of the plan, in its order, with the parameters of the build that they are for. What
apply would know meanwhile stands in variables; what it would answer, in comments.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from reconciler.cmdlets.capabilities import FILE_PARAMETERS
from reconciler.cmdlets.certificate import (
    ANSWER,
    PKCS12,
    RENEWED,
    THUMBPRINT,
    TLS_CERTIFICATE_NAME,
    brings_answer,
    carries_key,
)
from reconciler.cmdlets.domain_controller import domain_controller_of
from reconciler.cmdlets.invocation import Invocation, ParameterValue, is_secret
from reconciler.cmdlets.releases import build_text
from reconciler.plan.change import Change, Plan
from state.address import Address
from state.resources import Certificate
from state.values import CredentialReference, Deferred

from .powershell import SWITCHES, question
from .terminal import counted, harmless, wrapped

_WIDTH: Final = 100
_PLAIN: Final = re.compile("[ -~]+")
"""ASCII that can be seen: Windows PowerShell reads a script without a mark in the system's own encoding."""
_FILE_NAME: Final = re.compile("[^A-Za-z0-9_.-]+")
_OUTPUTS: Final = {
    "New-ExchangeCertificate": "request",
    "Export-ExchangeCertificate": "request",
    "Import-ExchangeCertificate": "certificate",
}
"""Cmdlets whose output the rest of a script needs, and what it is called."""
_FILES: Final = {"New-ExchangeCertificate": "RequestFile", "Import-ExchangeCertificate": "FileName"}

_HEAD: Final = (
    "Read it before you run it: part by part, from the top, each in the Exchange Management Shell of the "
    "server that the part names. Stop at the first error. Run by hand, nothing is checked against what "
    "Exchange has become since the plan was made, and nothing is recorded: a plan made afterwards finds what "
    "is as declared, and takes it over."
)


def render_script(plan: Plan) -> str:
    """The plan's invocations as a script; ASCII, lines that end with a line feed, no secret in it.

    Returns:
        A part for each stretch of changes that one server is for, in the order in which they depend on
        each other: a server may come again.
    """
    script = _Script(plan)
    script.comment(f"What is planned for {plan.organization}: {counted(_count(plan), 'command')}.")
    script.comment()
    script.comment(_HEAD)
    for diagnostic in plan.diagnostics:
        script.comment()
        script.comment(f"{diagnostic.severity.value}: {diagnostic.summary}: {diagnostic.detail}")
    if _count(plan):
        script.line("$ErrorActionPreference = 'Stop'")
    server = ""
    for change in plan.changes:
        for at, invocation in enumerate(change.invocations):
            if (shell := _shell_of(change, invocation)) != server:
                server = shell
                script.part(server)
            if at == 0 or script.is_new_part:
                script.headline(change)
            script.invocation(change, invocation)
        script.step_back(change)
    return "\n".join(script.lines) + "\n"


def _shell_of(change: Change, invocation: Invocation) -> str:
    """The server in whose shell a command is run: a key that goes from server to server is in no file then.

    An Edge server knows only itself: there the key has to be carried by hand.
    """
    return invocation.server if _is_by_hand(change) else change.invocations[0].server


def _is_by_hand(change: Change) -> bool:
    """Whether a change that moves a key needs the shells of several servers; true of all other changes."""
    is_journey = carries_key(change.invocations[0])
    return not is_journey or any("Server" not in one.parameters for one in change.invocations)


def _count(plan: Plan) -> int:
    return sum(len(change.invocations) for change in plan.changes)


@dataclass(slots=True)
class _Script:
    """Lines, and the variables that they have set so far.

    Attributes:
        is_new_part: Nothing was said in this part yet.
        set_in: The last part that sets a variable, by what it stands for.
        names: Of the variables.
        files: Names of the files of a certificate, without what stands behind the dot.
    """

    plan: Plan
    lines: list[str] = field(default_factory=list)
    parts: int = 0
    is_new_part: bool = True
    set_in: dict[Deferred | CredentialReference, int] = field(default_factory=dict)
    names: dict[Deferred | CredentialReference, str] = field(default_factory=dict)
    files: dict[Address, str] = field(default_factory=dict)

    def line(self, text: str = "") -> None:
        self.lines.append(text)

    def comment(self, text: str = "") -> None:
        if not text:
            self.line("#")
        for line in wrapped(_ascii(text), width=_WIDTH - 2, indent="") if text else []:
            self.line(f"# {line}")

    def part(self, server: str) -> None:
        self.parts += 1
        self.is_new_part = True
        build = self.plan.builds.get(server)
        self.line()
        self.line(f"# === Part {self.parts}: {_ascii(server)}{f', {build_text(build)}' if build else ''} ===")

    def headline(self, change: Change) -> None:
        self.is_new_part = False
        self.line()
        why = f" ({change.reason})" if change.reason else ""
        self.comment(f"{change.action.value} {change.address}{why}")

    def invocation(self, change: Change, invocation: Invocation) -> None:
        """One command, what has to be there before it, and what is kept of it."""
        for value in invocation.parameters.values():
            self._provide(value, change)
        for answer in invocation.answers:
            self.comment(f"Exchange {question(answer.prompt)}: answer {answer.answer.capitalize()}.")
        self._file_parameter(change, invocation)
        departs = carries_key(invocation) and invocation.cmdlet == "Export-ExchangeCertificate"
        kept = "exported" if departs else _OUTPUTS.get(invocation.cmdlet)
        target = f"{self._variable(kept, change.address)} = " if kept else ""
        pieces = [f"{target}{invocation.cmdlet}"]
        pieces += (
            "    " + self._parameter(name, value, change) for name, value in invocation.parameters.items()
        )
        self.lines += " `\n".join(pieces).split("\n")
        if departs and any(map(brings_answer, change.invocations)):
            self._keep_key(change)
        elif departs and _is_by_hand(change):
            self._carry(change)
        if kept == "request":
            self._keep_request(change)
        elif kept == "certificate":
            self._keep_certificate(change)

    def step_back(self, change: Change) -> None:
        """What to run should the world be presented something worse: a comment, for nobody may run it now."""
        if change.no_step_back:
            self.comment(f"No step back: {change.no_step_back}.")
        for invocation in change.on_failure:
            given = (self._parameter(name, value, change) for name, value in invocation.parameters.items())
            self.comment("If STARTTLS is worse afterwards than it was before, this takes it back:")
            self.line(f"#   {' '.join([invocation.cmdlet, *given])}")

    def _provide(self, value: ParameterValue, change: Change) -> None:
        """See that the variable for a value is set before it is used."""
        match value:
            case Deferred(attribute=attribute) if attribute == ANSWER:
                self._ask_for_answer(change)
            case Deferred(attribute=attribute) if attribute == RENEWED:
                self._ask_for_renewed(change)
            case Deferred(attribute=attribute) if attribute == PKCS12:
                pass  # the command before gave it, or the file that it was kept in
            case Deferred() | CredentialReference() if self.set_in.get(value) != self.parts:
                name = self._variable(_kind(value), value)
                is_first = value not in self.set_in
                self.set_in[value] = self.parts
                self.line(f"if (-not {name}) {{ {name} = {self._source(value, is_first=is_first)} }}")
                if is_first and isinstance(value, Deferred) and not is_secret(value):
                    self.line(f"Write-Host {text_literal(f'{value}:')} {name}")
            case _:
                pass

    def _source(self, value: Deferred | CredentialReference, *, is_first: bool) -> str:
        """Where a value comes from that no command of this part gives."""
        if isinstance(value, CredentialReference):
            return "Get-Credential"  # without -Message, which the PowerShell of Exchange 2010 lacks
        if is_secret(value):
            asked = "a long one of your own choice" if is_first else "as in the earlier part"
            return f"Read-Host -AsSecureString {text_literal(f'{value}, {asked}')}"
        if value == domain_controller_of(self.plan.organization) and is_first:
            return "(Get-OrganizationConfig).OriginatingServer"
        return f"Read-Host {text_literal(f'{value}, as an earlier part told it')}"

    def _carry(self, change: Change) -> None:
        """Keep an encrypted key for a shell on another server."""
        file = f"{self._file(change.address)}.pfx"
        self.comment(
            f"Carry {file} to the server of the next part, and delete it on both when it is imported: "
            "it holds the private key, encrypted with the password."
        )
        content = f"{self._variable('exported', change.address)}.FileData"
        self.line(f"Set-Content -Path {text_literal(file)} -Value {content} -Encoding Byte")

    def _keep_key(self, change: Change) -> None:
        """Keep an encrypted key where a request for it can be made."""
        file = f"{self._file(change.address)}.pfx"
        self.comment(
            f"{file} holds the private key, encrypted with the password. Make a request for that key with "
            "it, such as with openssl pkcs12 and openssl req on a machine that you trust."
        )
        content = f"{self._variable('exported', change.address)}.FileData"
        self.line(f"Set-Content -Path {text_literal(file)} -Value {content} -Encoding Byte")

    def _ask_for_renewed(self, change: Change) -> None:
        renewed = f"{self._file(change.address)}-renewed.pfx"
        self.comment(
            f"The request goes to {_issuer_of(change)}. Put what comes back, with its chain and that key, in "
            f"{renewed}, under the same password, and delete both files when it is imported."
        )
        self.line(f"Read-Host {text_literal(f'Press Enter when {renewed} is there')} | Out-Null")

    def _ask_for_answer(self, change: Change) -> None:
        answer = f"{self._file(change.address)}.p7b"
        self.comment(
            f"The request goes to {_issuer_of(change)}. Put what comes back, with its chain as PKCS #7, in "
            f"{answer}."
        )
        self.line(f"Read-Host {text_literal(f'Press Enter when {answer} is there')} | Out-Null")

    def _file_parameter(self, change: Change, invocation: Invocation) -> None:
        """What only builds before the updates of 2022 H1 have [2.1-3], [2.2-1]: told, and not used."""
        parameter, build = _FILES.get(invocation.cmdlet), self.plan.builds.get(invocation.server)
        if parameter and build and FILE_PARAMETERS.holds(build, edge=False):
            self.comment(
                f"Early builds only, this one among them: {invocation.cmdlet} also takes -{parameter} with a "
                "path, as Exchange 2007 took -Path. It went with 2016 CU23 and 2019 CU12, and is not used."
            )

    def _parameter(self, name: str, value: ParameterValue, change: Change) -> str:
        if name in SWITCHES and isinstance(value, bool):
            return f"-{name}" if value else f"-{name}:$false"
        return f"-{name} {self._value(value, change)}"

    def _value(self, value: ParameterValue, change: Change) -> str:
        match value:
            case None:
                return "$null"
            case bool():
                return "$true" if value else "$false"
            case int():
                return str(value)
            case str():
                return text_literal(value)
            case tuple():
                return _list(value)
            case Deferred(attribute=attribute) if attribute == ANSWER:
                return self._content_of(f"{self._file(value.address)}.p7b")
            case Deferred(attribute=attribute) if attribute == RENEWED:
                return self._content_of(f"{self._file(value.address)}-renewed.pfx")
            case Deferred(attribute=attribute) if attribute == PKCS12:
                if _is_by_hand(change):
                    return self._content_of(f"{self._file(change.address)}.pfx")
                return f"{self._variable('exported', change.address)}.FileData"
            case _:
                return self._variable(_kind(value), value)

    def _content_of(self, file: str) -> str:
        return f"([System.IO.File]::ReadAllBytes((Resolve-Path {text_literal(file)}).ProviderPath))"

    def _keep_request(self, change: Change) -> None:
        file = text_literal(f"{self._file(change.address)}.req")
        request = self._variable("request", change.address)
        self.line(f"Set-Content -Path {file} -Value {request} -Encoding Ascii")

    def _keep_certificate(self, change: Change) -> None:
        """Thumbprint and name of what was issued: commands of this part and of others ask for them."""
        certificate = self._variable("certificate", change.address)
        thumbprint = Deferred(change.address, THUMBPRINT)
        bound_by = Deferred(change.address, TLS_CERTIFICATE_NAME)
        self.line(f"{self._variable('thumbprint', thumbprint)} = {certificate}.Thumbprint")
        name = self._variable("name", bound_by)
        self.line(f"{name} = '<I>' + {certificate}.Issuer + '<S>' + {certificate}.Subject")
        self.line(f"Write-Host {text_literal(f'{bound_by}:')} {name}")
        self.set_in |= {thumbprint: self.parts, bound_by: self.parts}

    def _variable(self, kind: str, of: Deferred | CredentialReference | Address) -> str:
        """``$thumbprint2``: numbers, because addresses may hold anything."""
        key = Deferred(of, kind) if isinstance(of, Address) else of
        if key not in self.names:
            number = 1 + sum(name.rstrip("0123456789") == f"${kind}" for name in self.names.values())
            self.names[key] = f"${kind}{number}"
        return self.names[key]

    def _file(self, address: Address) -> str:
        """A file name for an address, and for no other."""
        if address not in self.files:
            name = _FILE_NAME.sub("_", str(address)).strip("_.")
            taken = name.lower() in (other.lower() for other in self.files.values())
            self.files[address] = f"{name}-{len(self.files) + 1}" if taken else name
        return self.files[address]


def _issuer_of(change: Change) -> str:
    resource = change.learned.recorded.resource if change.learned and change.learned.recorded else None
    issuer = resource.issuer if isinstance(resource, Certificate) else ""
    return f'"{issuer}"' if isinstance(issuer, str) and issuer else "its authority"


def _kind(value: Deferred | CredentialReference) -> str:
    if isinstance(value, CredentialReference):
        return "credential"
    if is_secret(value):
        return "password"
    kinds = {THUMBPRINT: "thumbprint", TLS_CERTIFICATE_NAME: "name", "domain_controller": "domainController"}
    return kinds.get(value.attribute, "value")


def _list(items: tuple[str, ...]) -> str:
    """A list of texts, continued over lines after a comma."""
    texts = [text_literal(item) for item in items]
    if sum(map(len, texts)) <= _WIDTH - 40:
        return f"@({', '.join(texts)})"
    return "@(\n        " + ",\n        ".join(texts) + "\n    )"


def text_literal(text: str) -> str:
    """A text as PowerShell reads it back: in single quotes, what is no visible ASCII by its number.

    Nothing in single quotes is expanded, and only a quote ends them; the quotes of other alphabets, which
    PowerShell takes for one too, are among what is written by number. Source: about_Quoting_Rules.
    """
    if _PLAIN.fullmatch(text) or not text:
        return _quoted(text)
    pieces = "".join(_numbered(run) for run in _runs(text))
    return f"(''{pieces})"


def _runs(text: str) -> Iterator[str]:
    return (found.group() for found in re.finditer(f"{_PLAIN.pattern}|[^ -~]+", text))


def _numbered(run: str) -> str:
    if _PLAIN.fullmatch(run):
        return f" + {_quoted(run)}"
    units = run.encode("utf-16-be", "surrogatepass")
    return "".join(f" + [char]0x{units[at]:02X}{units[at + 1]:02X}" for at in range(0, len(units), 2))


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _ascii(text: str) -> str:
    """Text for a comment: on one line, and in no alphabet that a system could misread."""
    return harmless(text).encode("ascii", "backslashreplace").decode("ascii")
