"""A plan as an administrator reviews it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from reconciler.diagnostics import Diagnostic, Severity
from reconciler.plan.change import Action, Change, Difference, Drift, Plan, Upcoming
from reconciler.plan.lost import CERTIFICATES_LOST
from state.resources import Certificate, SendConnector
from state.values import AddressSpace, Deferred

from .diagnostics import count_of, render_diagnostics
from .powershell import invocation_lines, names_domain_controller
from .terminal import DEFAULT_WIDTH, Ink, counted, harmless, shortened, wrapped
from .values import attribute_of, difference_lines

_MARKS = {
    Action.CREATE: "+",
    Action.UPDATE: "~",
    Action.REPLACE: "-/+",
    Action.DELETE: "-",
    Action.ADOPT: "<-",
    Action.FORGET: "->",
    Action.WAIT: "..",
}
_RECORDED = {
    Action.ADOPT: "is as declared; will only be recorded",
    Action.FORGET: "stays in Exchange; will no longer be recorded",
}
_MOST_DOMAINS = 8
_MOST_CONNECTORS = 12
_ONE_DOMAIN_CONTROLLER = "Mailbox servers: all with the one -DomainController that apply reads from"


def render_plan(plan: Plan, *, colour: bool = False, width: int = DEFAULT_WIDTH) -> str:
    """What apply would do, in the order it would do it, and one line that sums it up.

    Returns:
        Lines, each ended. The last one is exactly ``No changes`` or ``No changes (N will be
        recorded)``, with what waits, when nothing is to be changed and nothing is wrong.
    """
    ink = Ink(colour)
    lost, others = _apart(plan.diagnostics)
    blocks = [
        *_problem_block(lost, ink=ink, width=width),
        *_drift_block(plan.drift, ink=ink, width=width),
        *(
            "\n".join(_change_lines(change, ink=ink, width=width))
            for change in plan.changes
            if change.action.is_run
        ),
        *_recorded_block(plan.changes, ink=ink),
        *_upcoming_block(plan.upcoming, ink=ink),
        *_problem_block(others, ink=ink, width=width),
        "\n".join(_summary_lines(plan, ink=ink)),
    ]
    return "\n\n".join(blocks) + "\n"


def render_drift(plan: Plan, *, colour: bool = False, width: int = DEFAULT_WIDTH) -> str:
    """Only what was changed outside since the last apply, and what is observed and not as declared.

    Returns:
        Lines, each ended. The last one is exactly ``No drift`` when there is none and nothing is wrong.
    """
    ink = Ink(colour)
    verdict = f"Drift: {counted(len(plan.drift), 'resource')}" if plan.drift else "No drift"
    blocks = [
        *_drift_block(plan.drift, ink=ink, width=width),
        *_problem_block(plan.diagnostics, ink=ink, width=width),
        _unplannable(plan, ink=ink) or ink.bold(verdict),
    ]
    return "\n\n".join(blocks) + "\n"


def _drift_block(drift: Sequence[Drift], *, ink: Ink, width: int) -> list[str]:
    changed = [one for one in drift if not one.is_observed]
    observed = [one for one in drift if one.is_observed]
    return [
        *_drift_of("Changed outside since the last apply:", changed, ink=ink, width=width),
        *_drift_of("Not as declared, and only observed:", observed, ink=ink, width=width),
    ]


def _drift_of(title: str, drift: Sequence[Drift], *, ink: Ink, width: int) -> list[str]:
    if not drift:
        return []
    lines = [ink.bold(title)]
    for one in drift:
        lines.append(f"  {ink.yellow('!')} {harmless(str(one.address))}")
        label = max(len(name) for name in one.attributes)
        for name, difference in one.attributes.items():
            lines += difference_lines(
                attribute_of(one.address.type, name),
                difference,
                ink=ink,
                label=label,
                indent="      ",
                width=width,
            )
    return ["\n".join(lines)]


def _recorded_block(changes: Iterable[Change], *, ink: Ink) -> list[str]:
    """What sends nothing: a line each."""
    lines = [
        f"{_headline(change, ink=ink)}  "
        + "; ".join(filter(None, (_RECORDED[change.action], harmless(change.reason))))
        for change in changes
        if change.action in _RECORDED
    ]
    return ["\n".join(lines)] if lines else []


def _upcoming_block(upcoming: Sequence[Upcoming], *, ink: Ink) -> list[str]:
    """The renewals to come, a line each, and one more where there is a reason."""
    if not upcoming:
        return []
    lines = [ink.bold("To be renewed:")]
    for one in upcoming:
        told = f"expires {one.expires:%Y-%m-%d}, from {harmless(one.issuer)}"
        lines.append(f"  {one.renewal:%Y-%m-%d}  {harmless(str(one.address))}  {told}")
        lines += [f"              {harmless(one.reason)}"] if one.reason else []
    return ["\n".join(lines)]


def _headline(change: Change, *, ink: Ink) -> str:
    paint = {
        Action.CREATE: ink.green,
        Action.UPDATE: ink.yellow,
        Action.REPLACE: ink.red,
        Action.DELETE: ink.red,
    }.get(change.action, ink.cyan)
    mark = paint(f"{_MARKS[change.action]} {change.action.value}")
    return f"{mark} {ink.bold(harmless(str(change.address)))}"


def _change_lines(change: Change, *, ink: Ink, width: int) -> list[str]:
    lines = [_headline(change, ink=ink)]
    for sentence in filter(None, (change.reason, _meaning(change))):
        lines += wrapped(sentence, width=width, indent="    ")
    label = max((len(name) for name in change.attributes), default=0)
    for name, difference in change.attributes.items():
        lines += difference_lines(
            attribute_of(change.address.type, name),
            difference,
            ink=ink,
            label=label,
            indent="    ",
            width=width,
        )
    if presenters := _presenters(change):
        lines += wrapped(presenters, width=width, indent="    ")
    for invocation in change.invocations:
        lines += invocation_lines(invocation, ink=ink, indent="    ", width=width)
    return [*lines, *_step_back_lines(change, ink=ink, width=width)]


def _step_back_lines(change: Change, *, ink: Ink, width: int) -> list[str]:
    """What becomes of it should STARTTLS be worse afterwards."""
    if change.no_step_back:
        return wrapped(f"no step back: {change.no_step_back}", width=width, indent="    ")
    if not change.on_failure:
        return []
    lines = ["    if STARTTLS is worse afterwards:"]
    for invocation in change.on_failure:
        lines += invocation_lines(invocation, ink=ink, indent="      ", width=width)
    return lines


def _meaning(change: Change) -> str:
    """What the change is to mail: which domains a connector carries and how, what a certificate is for."""
    if change.action is Action.DELETE:
        return _loss(change.attributes)
    match change.learned.recorded.resource if change.learned and change.learned.recorded else None:
        case SendConnector() as connector if isinstance(connector.address_spaces, frozenset):
            protection = _protection(connector.require_tls, connector.ignore_starttls)
            mail = f"mail{_sources(connector)} to {_domains(connector.address_spaces)}"
            return f"{protection}: {mail}" if protection else mail
        case Certificate() as certificate if isinstance(certificate.domains, frozenset):
            if "domains" not in change.attributes:
                return "for " + shortened(sorted(map(str, certificate.domains)), _MOST_DOMAINS)
    return ""


def _presenters(change: Change) -> str:
    """Who presents a certificate and stays as it is; the name of one that is to come is only expected."""
    if not change.presented_by:
        return ""
    shown = shortened(map(str, change.presented_by), _MOST_CONNECTORS)
    thumbprint = change.attributes.get("thumbprint")
    is_to_come = thumbprint is not None and isinstance(thumbprint.after, Deferred)
    return f"presented by {shown}, whose binding stays" + (" if issuer and subject do" if is_to_come else "")


def _loss(attributes: Mapping[str, Difference]) -> str:
    """Which mail a connector that will be gone carried, and how that was protected."""
    before = {name: difference.before for name, difference in attributes.items()}
    if "address_spaces" not in before:
        return ""
    spaces = before["address_spaces"]
    if not isinstance(spaces, frozenset):
        return "no longer carries the mail it was for: to which domains could not be read"
    if not spaces:
        return "carried mail to no domain"
    protection = _protection(before.get("require_tls"), before.get("ignore_starttls"))
    return f"no longer carries mail to {_domains(spaces)}" + (
        f"; until now {protection}" if protection else ""
    )


def _domains(spaces: frozenset[AddressSpace]) -> str:
    return shortened(
        ("every other domain" if space.address == "*" else space.address for space in sorted(spaces)),
        _MOST_DOMAINS,
    )


def _protection(require_tls: object, ignore_starttls: object) -> str:
    """As the three kinds are defined; "" where the attributes do not say it."""
    if require_tls is True:
        return "encrypted or not sent"
    if ignore_starttls is True:
        return "sent without TLS"
    if require_tls is False and ignore_starttls is False:
        return "encrypted where offered"
    return ""


def _sources(connector: SendConnector) -> str:
    if isinstance(connector.source_transport_servers, frozenset):
        names = sorted(map(str, connector.source_transport_servers))
    elif connector.local is True and isinstance(connector.home, tuple):
        names = list(map(str, connector.home))
    else:
        return ""
    return f" from {shortened(names, _MOST_DOMAINS)}"


def _apart(diagnostics: Sequence[Diagnostic]) -> tuple[list[Diagnostic], list[Diagnostic]]:
    """What a server has lost, which explains what follows and so is shown first; and all else."""
    lost = [one for one in diagnostics if one.summary == CERTIFICATES_LOST]
    return lost, [one for one in diagnostics if one.summary != CERTIFICATES_LOST]


def _problem_block(diagnostics: Sequence[Diagnostic], *, ink: Ink, width: int) -> list[str]:
    if not diagnostics:
        return []
    return [render_diagnostics(diagnostics, colour=ink.colour, width=width).rstrip("\n")]


def _summary_lines(plan: Plan, *, ink: Ink) -> list[str]:
    if problem := _unplannable(plan, ink=ink):
        return [problem]
    counts = Counter(change.action for change in plan.changes)
    recorded = counts[Action.ADOPT] + counts[Action.FORGET]
    besides = [f"{recorded} will be recorded"] if recorded else []
    besides += [f"{counts[Action.WAIT]} waiting"] if counts[Action.WAIT] else []
    if plan.is_empty:
        return [ink.bold("No changes" + (f" ({', '.join(besides)})" if besides else ""))]
    parts = [
        f"{counts[action]} to {action.value}"
        for action in (Action.CREATE, Action.UPDATE, Action.REPLACE, Action.DELETE)
        if counts[action]
    ]
    parts += besides
    return [*_commands_lines(plan.changes), ink.bold("Plan: " + ", ".join(parts))]


def _unplannable(plan: Plan, *, ink: Ink) -> str:
    errors = [one for one in plan.diagnostics if one.severity is Severity.ERROR]
    return ink.bold(f"This plan cannot be applied: {count_of(errors)}") if errors else ""


def _commands_lines(changes: Sequence[Change]) -> list[str]:
    per_server = Counter(harmless(one.server) for change in changes for one in change.invocations)
    if not per_server:
        return []
    each = ", ".join(f"{server} {count}" for server, count in sorted(per_server.items()))
    lines = [f"{counted(per_server.total(), 'command')}: {each}"]
    if any(
        names_domain_controller(name, value)
        for change in changes
        for one in change.invocations
        for name, value in one.parameters.items()
    ):
        lines.append(_ONE_DOMAIN_CONTROLLER)
    return lines
