"""Problems told to a person: facts that are collected, and rendered last."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Severity(Enum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class SourceRange:
    """A place in a file that a person wrote.

    Attributes:
        file: As the person named it.
        line: From 1.
        column: From 1, in characters.
        text: The whole line, without its end.
        length: Characters to mark, from ``column``.
    """

    file: str
    line: int
    column: int
    text: str = ""
    length: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One problem.

    Attributes:
        summary: A few words, the same every time.
        detail: What and why, with the names and numbers of this case.
        hint: The next thing to try; "" only where there is none.
        where: The place in the YAML; None for what has none.
        subject: Address or server that it is about; "" for none.
        is_refusal: A safety rule stands in the way: nothing is broken, and nothing may be done.
        is_apart: An error that leaves alone what is not about it: something could not be read, or this
            follows from another error.
    """

    summary: str
    detail: str
    hint: str = ""
    where: SourceRange | None = None
    subject: str = ""
    severity: Severity = Severity.ERROR
    is_refusal: bool = False
    is_apart: bool = False


@dataclass(frozen=True, slots=True)
class StepExamined:
    """One step on the way to a server: what was found, and what to do where that is not good.

    Attributes:
        step: A word for it: ``name``, ``port``, ``tls`` ..., or the cmdlet that was read.
        remedy: "" for a good step.
        is_warning: It works as it is, though not for everything.
        public: What of it a report for others may say.
    """

    server: str
    step: str
    found: str
    remedy: str = ""
    is_warning: bool = False
    public: tuple[str, ...] = ()

    @property
    def is_bad(self) -> bool:
        """True when nothing that needs this step will work."""
        return bool(self.remedy) and not self.is_warning


def has_errors(diagnostics: tuple[Diagnostic, ...] | list[Diagnostic]) -> bool:
    return any(diagnostic.severity is Severity.ERROR for diagnostic in diagnostics)


def are_refusals(diagnostics: tuple[Diagnostic, ...] | list[Diagnostic]) -> bool:
    """True when every error among them is a safety rule's."""
    errors = [diagnostic for diagnostic in diagnostics if diagnostic.severity is Severity.ERROR]
    return bool(errors) and all(diagnostic.is_refusal for diagnostic in errors)
