"""What a planner has to say to a person, one function a problem."""

from __future__ import annotations

from typing import Final

from reconciler.cmdlets.releases import NEWEST, OLDEST, build_text
from reconciler.diagnostics import Diagnostic, Severity
from state.address import Address
from state.resources import Build, EdgeSubscription
from state.snapshot import Listing, LiveOrganization, Unreadable

THE_REST: Final = "plan the rest with --target"
"""Ends a hint: what only a command that plans can do."""


def server_unreadable(server: str, why: Unreadable) -> Diagnostic:
    return Diagnostic(
        summary="Server not read",
        detail=f"{server}: {why.reason}. What is declared for it cannot be planned.",
        hint=(why.remedy or "mend the connection") + f" - or {THE_REST}",
        subject=server,
        is_apart=True,
    )


def renewals_only(left: int) -> Diagnostic:
    return Diagnostic(
        summary="Only renewals",
        detail=(
            "While something could not be read, what is due is replaced and bound, and nothing "
            f"else is done: {left} other changes wait."
        ),
        hint=f"mend what could not be read, or {THE_REST}",
        severity=Severity.WARNING,
    )


def read_through_another(server: str, through: str, why: Unreadable) -> Diagnostic:
    return Diagnostic(
        summary="Read through another server",
        detail=(
            f"{server}: {why.reason}. {through} answered for it, and is sent what is planned for it, too."
        ),
        hint=why.remedy or "mend the connection",
        subject=server,
        severity=Severity.WARNING,
    )


def domain_controller_not_named(organization: LiveOrganization) -> Diagnostic:
    why = organization.unpinned.reason if organization.unpinned else ""
    return Diagnostic(
        summary="Domain controller not named",
        detail=(
            f"{why}. Each server was read as its own domain controller shows it, not as "
            f"{organization.domain_controller} does: where replication is behind, they may disagree."
        ),
        hint="let the role of the account have the parameter DomainController of the cmdlets that it may run",
        severity=Severity.WARNING,
    )


def itself_unreadable(server: str, why: Unreadable) -> Diagnostic:
    return Diagnostic(
        summary="Server not known",
        detail=(
            f"What answered for {server} does not tell of a server of this name: {why.reason}. "
            "Its build and its role are not checked."
        ),
        hint="check the name, which must be Exchange's own, and that the account may run Get-ExchangeServer",
        subject=server,
        severity=Severity.WARNING,
    )


def another_server(server: str, found: list[str]) -> Diagnostic:
    return Diagnostic(
        summary="Another server",
        detail=f"What answered for {server} knows no server of this name; it knows {', '.join(found)}.",
        hint="declare the server under the name that Exchange has for it, or mend its host or url",
        subject=server,
    )


def another_role(server: str, *, is_edge: bool) -> Diagnostic:
    found, declared = ("an Edge", "a Mailbox") if is_edge else ("a Mailbox", "an Edge")
    return Diagnostic(
        summary="Another role",
        detail=f"{server} is {found} server, and is declared as {declared} server.",
        hint=f"declare role: {'edge' if is_edge else 'mailbox'}",
        subject=server,
    )


def list_unreadable(address: Address, server: str, what: str, why: Unreadable) -> Diagnostic:
    return Diagnostic(
        summary="List not read",
        detail=(
            f"The {what} of {server} could not be read: {why.reason}. "
            "Unknown is not absent: nothing is planned."
        ),
        hint=why.remedy or "let the account read it, or mend the server; then plan again",
        subject=str(address),
        is_apart=True,
    )


def import_first(address: Address, name: str, differing: list[str]) -> Diagnostic:
    return Diagnostic(
        summary="Object not ours",
        detail=(
            f'A send connector named "{name}" exists, is neither in the record nor marked as ours, and '
            f"differs in {', '.join(differing)}. It is not taken over silently."
        ),
        hint=f"take it over with: reconciler import PATH '{address}' - or declare another name",
        subject=str(address),
    )


def source_address_subscribed(address: Address, edge: str) -> Diagnostic:
    return Diagnostic(
        summary="Only on an Edge server",
        detail=(
            f"{edge} is subscribed, so its send connectors are the organization's, and {address} sets a "
            "source address, which Mailbox servers do not take."
        ),
        hint="take source_ip away",
        subject=str(address),
    )


def subscription_unknown(edge: str, brought: list[str], listing: Listing[EdgeSubscription]) -> Diagnostic:
    why = (
        f"its subscriptions could not be read: {listing.unreadable.reason}"
        if listing.unreadable
        else ("the organization lists no such subscription")
    )
    return Diagnostic(
        summary="Edge subscription not known",
        detail=(
            f"{edge} holds {', '.join(brought)}: EdgeSync has made them, so it is or was subscribed, and "
            f"{why}. Of a subscribed Edge server send connectors are changed in the organization."
        ),
        hint=(
            "declare a Mailbox server of the organization and let the account run Get-EdgeSubscription; if "
            "the subscription is gone, remove what it left"
        ),
        subject=edge,
    )


def not_observed(address: Address, server: str, why: Unreadable) -> Diagnostic:
    return Diagnostic(
        summary="Not observed",
        detail=f"{address} is only observed, and on {server} it could not be read: {why.reason}.",
        hint=why.remedy or "let the account read it, or mend the server; then plan again",
        subject=str(address),
        is_apart=True,
        severity=Severity.WARNING,
    )


def observed_missing(address: Address, server: str) -> Diagnostic:
    return Diagnostic(
        summary="Observed object not found",
        detail=(
            f"{address} is declared, and nothing on {server} is it. "
            "Its mode, or follow, lets nothing be created."
        ),
        hint="check its name, take it out of the YAML, or have it managed: mode: manage, and no follow",
        subject=str(address),
        severity=Severity.WARNING,
    )


def observed_due(address: Address, reason: str) -> Diagnostic:
    return Diagnostic(
        summary="Observed certificate not as declared",
        detail=f"The certificate {reason}. It is only observed: nobody renews it here.",
        hint="renew it by hand, or declare mode: certificates",
        subject=str(address),
        severity=Severity.WARNING,
    )


def kept_observed(address: Address, name: str) -> Diagnostic:
    return Diagnostic(
        summary="Not deleted",
        detail=(
            f'"{name}" was made by this tool and is no longer declared, but what it belongs to is only '
            "observed: it stays."
        ),
        hint="declare mode: manage to have it deleted, or remove it by hand",
        subject=str(address),
        severity=Severity.WARNING,
    )


def pinned_missing(address: Address, server: str, thumbprint: str) -> Diagnostic:
    return Diagnostic(
        summary="Certificate not found",
        detail=f"{server} no longer holds the certificate that is declared by its thumbprint, {thumbprint}.",
        hint="take it out of the YAML, or declare its successor",
        subject=str(address),
    )


def certificate_missing(address: Address, server: str, domains: list[str]) -> Diagnostic:
    return Diagnostic(
        summary="Certificate not found",
        detail=(
            f"{server} holds no valid certificate with a key for {', '.join(domains)}, and none is requested."
        ),
        hint="give the certificate an issuer, or import one on the server",
        subject=str(address),
    )


def certificate_ends(address: Address, reason: str) -> Diagnostic:
    return Diagnostic(
        summary="Certificate needs renewal",
        detail=f"The certificate {reason}, and it has no issuer: it is watched, not renewed.",
        hint="give the certificate an issuer, or renew it by hand",
        subject=str(address),
        severity=Severity.WARNING,
    )


def window_too_long(address: Address, window: str, days: int) -> Diagnostic:
    return Diagnostic(
        summary="Renewal window not usable",
        detail=(
            f"renew_before is {window}, and the certificate is valid for {days} days in all: it would be "
            "renewed again and again. It is renewed when a third of its lifetime is left."
        ),
        hint="shorten renew_before, or write a fraction such as 1/3",
        subject=str(address),
        severity=Severity.WARNING,
    )


_BY_FQDN = "the certificate that is enabled for SMTP and whose names hold the connector's Fqdn"


def lacks_parameter(
    address: Address, server: str, build: Build | None, parameter: str, *, edge: bool
) -> Diagnostic:
    is_binding = parameter == "TlsCertificateName"
    return Diagnostic(
        summary="Not on this build",
        detail=f"{server} is {_what_it_is(build, edge=edge)}, which has no {parameter}."
        + (f" It presents {_BY_FQDN}." if is_binding else ""),
        hint="leave certificate out for this server, and declare fqdn"
        if is_binding
        else "remove the attribute for this server, or update the server",
        subject=str(address),
    )


def not_on_every_source(
    address: Address, source: str, build: Build | None, server: str, parameters: tuple[str, ...]
) -> Diagnostic:
    is_bound = "TlsCertificateName" in parameters
    return Diagnostic(
        summary="Not on every source server",
        detail=(
            f"{source} is {_what_it_is(build, edge=False)}, which has no {' and no '.join(parameters)}. "
            f"The commands are run on {server}; what {source} sends is sent without regard to it"
            + (f", and presents {_BY_FQDN}." if is_bound else ".")
        ),
        hint=f"declare an fqdn that the certificate on {source} holds, or leave {source} out of the set"
        if is_bound
        else f"leave {source} out of the set, or update it",
        subject=str(address),
        severity=Severity.WARNING,
    )


def build_newer(server: str, build: Build) -> Diagnostic:
    return Diagnostic(
        summary="Build not known",
        detail=(
            f"{server} is {build}, which is newer than {NEWEST}, the newest that this version knows. "
            "It is taken to have what that one has."
        ),
        hint="update this tool; until then read the plan's cmdlets with care",
        subject=server,
        severity=Severity.WARNING,
    )


def build_older(server: str, build: Build) -> Diagnostic:
    return Diagnostic(
        summary="Build not supported",
        detail=f"{server} is {build}, which is older than {OLDEST}, the oldest that this tool was made for.",
        hint="update the server; until then read the plan's cmdlets with care",
        subject=server,
        severity=Severity.WARNING,
    )


def _what_it_is(build: Build | None, *, edge: bool) -> str:
    role = "an Edge server" if edge else "a Mailbox server"
    return f"{role} of {build_text(build)}" if build else role


def set_once(address: Address, attributes: list[str]) -> Diagnostic:
    return Diagnostic(
        summary="Attribute not readable",
        detail=(
            f"{', '.join(attributes)}: Exchange did not tell the present value, and this tool has not set it "
            "before. It is set once, recorded, and not repeated."
        ),
        hint="nothing to do, if the declared value is right",
        subject=str(address),
        severity=Severity.WARNING,
    )


def left_the_yaml(address: Address, where: str) -> Diagnostic:
    carries = address.type == "send_connector"
    return Diagnostic(
        summary="No longer declared",
        detail=(
            f"{where} left the YAML: {address} is forgotten, and stays in Exchange as it is"
            + (", where it goes on carrying mail." if carries else ".")
        ),
        hint="if it is not wanted there, remove it in Exchange; else declare it again"
        if carries
        else "nothing to do, unless this tool is to go on keeping it: then declare it again",
        subject=str(address),
        severity=Severity.WARNING,
    )


def kept_unknown(address: Address, why: Unreadable) -> Diagnostic:
    return Diagnostic(
        summary="List not read",
        detail=f"{address} is no longer declared, but whether it exists is unknown: {why.reason}.",
        hint="nothing is done to it until its list can be read",
        subject=str(address),
        severity=Severity.WARNING,
    )


def request_abandoned(address: Address, server: str) -> Diagnostic:
    return Diagnostic(
        summary="Request replaced",
        detail=(
            f"A request made earlier on {server} is for other names or another key than what is declared "
            "now. A new one is made; the pending entry of the old one stays."
        ),
        hint="remove the old pending request in Exchange when you like",
        subject=str(address),
        severity=Severity.WARNING,
    )


def own_domain(address: Address, domain: str) -> Diagnostic:
    return Diagnostic(
        summary="Partner is an accepted domain",
        detail=f"{domain} is an accepted domain of this organization: its mail is delivered here, not sent.",
        hint="remove it from the partner list",
        subject=str(address),
        severity=Severity.WARNING,
    )


def not_unique(address: Address, name: str) -> Diagnostic:
    return Diagnostic(
        summary="Object not unique",
        detail=f'More than one live object carries the mark of {address}, the last one named "{name}".',
        hint="remove the mark from the comment of the copy that is not wanted",
        subject=str(address),
    )
