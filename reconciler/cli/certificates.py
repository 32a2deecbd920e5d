"""``certificates``: one command that shows them, and takes or replaces one."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .options import Connections, DesiredPath, StateFolder
from .typed import choose


class ReplaceReason(StrEnum):
    compromise = "compromise"
    superseded = "superseded"
    cessation = "cessation"
    unspecified = "unspecified"


class CertificatesForm(StrEnum):
    text = "text"
    json = "json"
    icalendar = "icalendar"
    prometheus = "prometheus"


def certificates(
    path: DesiredPath,
    connections: Connections = None,
    state: StateFolder = None,
    form: Annotated[CertificatesForm, typer.Option("--as", help="How to show them.")] = CertificatesForm.text,
    json: Annotated[bool, typer.Option("--json", help="The same as --as json.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write it there, all at once, and not to stdout; --csr too.",
            show_default=False,
        ),
    ] = None,
    csr: Annotated[
        str | None,
        typer.Option(metavar="ADDR", help="Print the request of this address instead.", show_default=False),
    ] = None,
    answer: Annotated[
        tuple[str, Path] | None,
        typer.Option(
            metavar="ADDR FILE",
            help="Take what the authority sent for this address; apply imports it.",
            show_default=False,
        ),
    ] = None,
    password: Annotated[
        str | None,
        typer.Option(
            metavar="REFERENCE",
            help="FILE is a PKCS#12 that was bought with its key: import it now. Such as env:NAME.",
            show_default=False,
        ),
    ] = None,
    replace: Annotated[
        str | None,
        typer.Option(
            metavar="ADDR",
            help="Another key and certificate for it now, in no window; the old one is revoked.",
            show_default=False,
        ),
    ] = None,
    issuer: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The same for all that this issuer signed.", show_default=False),
    ] = None,
    reason: Annotated[
        ReplaceReason, typer.Option(help="What the authority is told.")
    ] = ReplaceReason.unspecified,
    auto_approve: Annotated[
        bool, typer.Option("--auto-approve", help="Import or replace without being asked.")
    ] = False,
) -> None:
    """Show how each certificate stands, and when it ends.

    Its state and since when, why, what comes next and until when; where it is used. With --answer only the
    record is written, and only what answers the request is taken. With --password as well, and with --replace
    and --issuer, Exchange is changed, as by apply; what these two replaced is revoked once its successor is
    served.
    """
    _check_together(
        asked=sum(one is not None for one in (csr, answer, replace, issuer)),
        is_shown=json or (out is not None and csr is None) or form is not CertificatesForm.text,
        is_json_alone=not json or form in (CertificatesForm.text, CertificatesForm.json),
        is_replaced=replace is not None or issuer is not None,
        is_bought=answer is not None and password is not None,
        has_password=password is not None,
        has_reason=reason is not ReplaceReason.unspecified,
        auto_approve=auto_approve,
    )
    if replace is not None or issuer is not None:
        from .commands.certificates import replace as run_replace

        choose(
            run_replace,
            path,
            connections,
            state,
            address=replace,
            issuer=issuer or "",
            reason=reason.value,
            auto_approve=auto_approve,
        )
    if csr is not None:
        from .commands.certificates import print_request

        choose(print_request, path, connections, state, address=csr, out=out)
    if answer is not None and password is not None:
        from .commands.certificates import bought as take_bought

        choose(
            take_bought,
            path,
            connections,
            state,
            address=answer[0],
            file=answer[1],
            password=password,
            auto_approve=auto_approve,
        )
    if answer is not None:
        from .commands.certificates import answer as take

        choose(take, path, connections, state, address=answer[0], file=answer[1])
    from .commands.certificates import certificates as run

    choose(run, path, connections, state, form="json" if json else form.value, out=out)


def _check_together(
    *,
    asked: int,
    is_shown: bool,
    is_json_alone: bool,
    is_replaced: bool,
    is_bought: bool,
    has_password: bool,
    has_reason: bool,
    auto_approve: bool,
) -> None:
    """Refuse options that do not go together."""
    rules = {
        "one of --csr, --answer, --replace, --issuer, and showing at a time": asked + is_shown <= 1,
        "--json and --as ask for different forms": is_json_alone,
        "--password goes with --answer": is_bought or not has_password,
        "--reason goes with --replace or --issuer": is_replaced or not has_reason,
        "--auto-approve goes with --replace, --issuer, or --answer with --password": (
            is_replaced or is_bought or not auto_approve
        ),
    }
    for rule, is_kept in rules.items():
        if not is_kept:
            raise typer.BadParameter(rule, param_hint="certificates")
