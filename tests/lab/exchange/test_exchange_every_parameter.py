"""Every cmdlet, every parameter, every build: what the binder refuses, and how it says so.

Ids, categories and exception types are those of PowerShell's parameter binder (about_Parameters,
about_Parameter_Sets, about_CommonParameters). Public reports that show them on Exchange's cmdlets:

- ``NamedParameterNotFound,Get-InboxRule``, InvalidArgument: O365-InvestigationTooling issue 36.
- ``ParameterArgumentTransformationError,New-ReceiveConnector``, InvalidData: Apoc70/PowerShell-Scripts
  issue 3; the same on Exchange 2013: cunninghamp/Get-CASHealth.ps1 issue 1.
- ``ParameterArgumentValidationErrorEmptyCollectionNotAllowed,...NewReceiveConnector``, InvalidData, in a
  shell with the snap-in: Apoc70/Copy-ReceiveConnector issue 4.
- ``CannotConvertArgumentNoMessage,<class>``, InvalidArgument: what any compiled cmdlet gives, for
  example SetExecutionPolicyCommand in many reports.
- ``AmbiguousParameterSet``, InvalidArgument: michelderooij/Remove-MessageClassItems issue 4.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from tests.rules import rule

BUILDS = ("2010", "2013", "2016-cu22", "2016-cu23", "2019-cu11", "2019-cu15", "SE")
FACTS: Mapping[str, Any] = json.loads(
    resources.files("reconciler.lab.exchange").joinpath("cmdlets.json").read_text("utf-8")
)["cmdlets"]
VERSIONS = ["2010", "2013", "2016", "2019", "SE"]
WITHOUT_FILES = {"2016-cu23", "2019-cu15", "SE"}
"""Builds after the updates of 2022 H1, which took RequestFile and FileName away [2.1-3], [2.2-1]."""

INVALID_ARGUMENT, INVALID_DATA, OBJECT_NOT_FOUND = 5, 6, 13
ENGINE = "System.Management.Automation."
COMMON = (
    *("Debug", "ErrorAction", "ErrorVariable", "InformationAction", "InformationVariable", "OutBuffer"),
    *("OutVariable", "PipelineVariable", "Verbose", "WarningAction", "WarningVariable"),
)
SHORT = {"db": "Debug", "ea": "ErrorAction", "ev": "ErrorVariable", "infa": "InformationAction"}
SHORT |= {"iv": "InformationVariable", "ob": "OutBuffer", "ov": "OutVariable", "pv": "PipelineVariable"}
SHORT |= {"vb": "Verbose", "wa": "WarningAction", "wv": "WarningVariable"}

GOOD: Mapping[str, Any] = {
    "AllowedServices": "SMTP",
    "AuthMechanisms": "None",
    "Boolean": True,
    "ByteQuantifiedSize": "10 MB",
    "Byte[]": b"x",
    "DetailsLevel": "Normal",
    "EnhancedTimeSpan": "00:10:00",
    "ErrorPolicies": "Default",
    "ExtendedProtectionPolicySetting": "None",
    "ExtensibleQueueInfo": None,
    "Fqdn": "dc1.contoso.com",
    "Guid": "8f4b9a4c-9f6b-4b0a-8f0e-0a3a6c5d9e11",
    "IPAddress": "192.0.2.1",
    "Int32": 1,
    "LocalLongFullPath": "D:\\Logs",
    "MessageRateSourceFlags": "User",
    "PSCredential": None,
    "PermissionGroups": "None",
    "ProtocolLoggingLevel": "None",
    "ProtocolOption": "Any",
    "ProxyAddress": "SMTP:a@contoso.com",
    "QueueDigestGroupBy": "Status",
    "SecureString": None,
    "ServerRole": "HubTransport",
    "SizeMode": "Enabled",
    "SmtpAddress": "a@contoso.com",
    "SmtpDomainWithSubdomains": "*.contoso.com",
    "SmtpX509Identifier": "<I>CN=a<S>CN=b",
    "SwitchParameter": True,
    "SyncLogLoggingLevel": "None",
    "TenantConnectorType": "Default",
    "TlsAuthLevel": "EncryptionOnly",
    "Unlimited": "unlimited",
    "UsageType": "Custom",
    "X500DistinguishedName": "CN=mail.contoso.com",
    "X509Certificate2": b"x",
}
"""A value of each type; of the others, a text."""
GOOD_ITEMS: Mapping[str, str] = {
    "AddressSpaces": "contoso.com",
    "Bindings": "0.0.0.0:26",
    "DomainName": "contoso.com",
    "ExternalDNSServers": "192.0.2.53",
    "InternalDNSServers": "192.0.2.53",
    "RemoteIPRanges": "192.0.2.0/24",
    "SmartHosts": "mx.contoso.com",
    "TlsDomainCapabilities": "contoso.com:AcceptOorgProtocol",
}
BAD: Mapping[str, tuple[Any, ...]] = {
    "Boolean": ("yes", None),
    "Byte[]": ("AQID", [256]),
    "ExtensibleQueueInfo": ("MBX1\\Submission",),
    "Int32": ("many", "", 1 << 40),
    "MultiValuedProperty": ({"Plus": ["x"]}, [["a", "b"]]),
    "PSCredential": ("user:password",),
    "QueueViewerSortOrderEntry[]": ("by size",),
    "SecureString": ("password",),
    "String": ({"a": "b"}, ["a", "b"]),
    "String[]": ([["a", "b"]],),
    "SwitchParameter": ("yes",),
    "QueueViewerIncludesAndExcludes": ({"a": "b"},),
    "X509Certificate2": ("D:\\a.cer",),
}
"""Values that a type does not accept; of types that are not here, a text that is none of its values."""
BAD_ITEMS: Mapping[str, str] = {
    "AddressSpaces": "*contoso.com",
    "Bindings": "25",
    "DomainName": "not a name",
    "ExternalDNSServers": "dns1",
    "InternalDNSServers": "dns1",
    "RemoteIPRanges": "192.0.2.9-192.0.2.1",
    "SmartHosts": "a b",
    "TlsDomainCapabilities": "contoso.com",
}

each_cmdlet = pytest.mark.parametrize("cmdlet", sorted(FACTS))
each_build = pytest.mark.parametrize("build", BUILDS)
LabOf = Callable[[str], Any]


def available(cmdlet: str, build: str) -> dict[str, Any]:
    """The parameters that a build has."""
    product = build.partition("-")[0]
    return {
        name: facts
        for name, facts in FACTS[cmdlet]["parameters"].items()
        if product in facts.get("applicable", VERSIONS)
        and not ("removed" in facts and build in WITHOUT_FILES)
    }


def is_known(cmdlet: str, build: str) -> bool:
    return build.partition("-")[0] in FACTS[cmdlet].get("applicable", VERSIONS)


def sets_of(cmdlet: str, facts: Mapping[str, Any]) -> set[str]:
    return set(facts.get("sets", FACTS[cmdlet]["sets"]))


def required_in(cmdlet: str, facts: Mapping[str, Any], parameter_set: str) -> bool:
    required = facts.get("required", [])
    return parameter_set in (sets_of(cmdlet, facts) if required is True else required)


def good(name: str, facts: Mapping[str, Any]) -> Any:
    kind = facts["type"]
    return GOOD[kind] if kind in GOOD else GOOD_ITEMS.get(name, "x")


def bad(name: str, facts: Mapping[str, Any]) -> Iterator[Any]:
    kind: str = facts["type"]
    if name in BAD_ITEMS:
        yield BAD_ITEMS[name]
        if kind == "MultiValuedProperty":
            yield {"Add": [BAD_ITEMS[name]]}
    if kind.endswith("IdParameter") or kind == "QueueIdentity":
        yield from ("", {"a": "b"}, ["a", "b"])
    else:
        yield from BAD.get(kind, ("no such value!",))


def resolved(cmdlet: str, build: str, typed: str) -> set[str]:
    """The parameters that a name, an alias or a beginning of one may mean."""
    parameters = available(cmdlet, build)
    every = {name.lower(): name for name in (*parameters, *COMMON)}
    every |= {alias: name for name, facts in parameters.items() for alias in facts.get("aliases", ())}
    every |= SHORT
    if typed.lower() in every:
        return {every[typed.lower()]}
    return {name for key, name in every.items() if key.startswith(typed.lower())}


def refused(lab: Any, cmdlet: str, identity: str, **arguments: Any) -> Any:
    """Run a command that the binder must refuse with an id; returns the record."""
    result = lab.run(cmdlet, **arguments)
    assert result.has_terminated, (cmdlet, arguments)
    assert result.error_id == f"{identity},{cmdlet}", (arguments, result.error)
    assert result.error.target == ""
    assert result.error.activity == cmdlet
    return result.error


class TestTheTable:
    def test_has_every_cmdlet(self) -> None:
        assert len(FACTS) == 32

    @rule("2.2-1")
    def test_is_the_published_one(self) -> None:
        """Compared where the facts of the cmdlet pages lie beside the folder that EXCHANGE_CORPUS names."""
        path = Path(os.environ.get("EXCHANGE_CORPUS", ".")).parent / "cmdlets.json"
        published: Mapping[str, Any] = json.loads(path.read_text())["cmdlets"] if path.is_file() else {}
        for name, page in published.items():
            ours = FACTS[name]
            assert set(ours["sets"]) == set(page["parameter_sets"])
            assert ours["parameters"].keys() == page["parameters"].keys()
            assert ours.get("applicable", VERSIONS) == page["applicable"]
            assert ours.get("confirms", False) == page["supports_should_process"]
            for parameter, facts in page["parameters"].items():
                mine = ours["parameters"][parameter]
                assert mine["type"] == facts["type"], parameter
                assert mine.get("position") == facts["position"], parameter
                assert mine.get("aliases", []) == facts["aliases"], parameter
                if name != "Import-ExchangeCertificate":  # whose page swaps two sets [2.2-1]
                    assert sets_of(name, mine) == set(facts["sets"]), parameter


@each_build
@each_cmdlet
class TestACmdlet:
    def test_exists_in_the_builds_that_have_it(self, lab_of: LabOf, cmdlet: str, build: str) -> None:
        result = lab_of(build).run(cmdlet, Nonsense=1)
        if is_known(cmdlet, build):
            assert result.error_id == f"NamedParameterNotFound,{cmdlet}"
            return
        assert result.error_id == "CommandNotFoundException"
        assert result.error.category == OBJECT_NOT_FOUND
        assert result.error.target == cmdlet
        assert result.error.exception_type == f"{ENGINE}CommandNotFoundException"

    @rule("1-2", "2.1-3", "2.2-1", "5-4")
    def test_knows_no_parameter_of_other_builds(self, lab_of: LabOf, cmdlet: str, build: str) -> None:
        if not is_known(cmdlet, build):
            return
        for name in FACTS[cmdlet]["parameters"].keys() - available(cmdlet, build):
            if not resolved(cmdlet, build, name):
                error = refused(lab_of(build), cmdlet, "NamedParameterNotFound", **{name: "x"})
                assert error.category == INVALID_ARGUMENT
                assert error.exception_type == f"{ENGINE}ParameterBindingException"

    @rule("3-1", "3-15")
    def test_refuses_values_of_another_type(self, lab_of: LabOf, cmdlet: str, build: str) -> None:
        if not is_known(cmdlet, build):
            return
        for name, facts in available(cmdlet, build).items():
            for value in bad(name, facts):
                if value is None and facts.get("required"):
                    continue
                identity = "ParameterArgumentTransformationError"
                error = refused(lab_of(build), cmdlet, identity, **{name: value})
                assert error.category == INVALID_DATA
                assert error.exception_type == f"{ENGINE}ParameterBindingArgumentTransformationException"
                assert f"parameter '{name}'" in error.message

    def test_takes_what_is_typed_of_a_name(self, lab_of: LabOf, cmdlet: str, build: str) -> None:
        """Every beginning of every name, and every alias: one parameter, or an ambiguity that names all."""
        if not is_known(cmdlet, build):
            return
        lab = lab_of(build)
        for name, facts in available(cmdlet, build).items():
            wrong = next(bad(name, facts))
            for typed in (*facts.get("aliases", ()), *(name[:size] for size in range(1, len(name) + 1))):
                meant = resolved(cmdlet, build, typed)
                if len(meant) > 1:
                    error = refused(lab, cmdlet, "AmbiguousParameter", **{typed: wrong})
                    assert error.category == INVALID_ARGUMENT
                    assert all(f"-{each}" in error.message for each in meant)
                elif meant == {name}:
                    identity = "ParameterArgumentTransformationError"
                    assert f"parameter '{name}'" in refused(lab, cmdlet, identity, **{typed: wrong}).message

    def test_takes_a_parameter_once(self, lab_of: LabOf, cmdlet: str, build: str) -> None:
        if not is_known(cmdlet, build):
            return
        for name, facts in available(cmdlet, build).items():
            value = good(name, facts)
            if value is None and facts.get("required"):
                continue
            twice = {name: value, name.upper(): value}
            if len(twice) == 2:
                error = refused(lab_of(build), cmdlet, "ParameterAlreadyBound", **twice)
                assert error.category == INVALID_ARGUMENT

    def test_takes_nothing_for_nothing_mandatory(self, lab_of: LabOf, cmdlet: str, build: str) -> None:
        if not is_known(cmdlet, build):
            return
        for name, facts in available(cmdlet, build).items():
            if not facts.get("required"):
                continue
            empty: dict[str, Any] = {"NullNotAllowed": None}
            if facts["type"] == "MultiValuedProperty":
                empty["EmptyCollectionNotAllowed"] = []
            if facts["type"] == "String":
                empty["EmptyStringNotAllowed"] = ""
            for kind, value in empty.items():
                identity = f"ParameterArgumentValidationError{kind}"
                error = refused(lab_of(build), cmdlet, identity, **{name: value})
                assert error.category == INVALID_DATA
                assert error.exception_type == f"{ENGINE}ParameterBindingValidationException"

    def test_misses_what_a_set_needs(self, lab_of: LabOf, cmdlet: str, build: str) -> None:
        """All that a set needs but one, where what is given fits no other set."""
        if not is_known(cmdlet, build):
            return
        parameters = available(cmdlet, build)
        for chosen in FACTS[cmdlet]["sets"]:
            needed = [name for name, facts in parameters.items() if required_in(cmdlet, facts, chosen)]
            own = [name for name, facts in parameters.items() if sets_of(cmdlet, facts) == {chosen}]
            for missing in needed:
                given = [name for name in (*needed, *own) if name != missing]
                if len(FACTS[cmdlet]["sets"]) > 1 and not set(given) & set(own):
                    continue  # nothing that is given says that this set is meant
                arguments = {name: good(name, parameters[name]) for name in given}
                if any(
                    value is None and parameters[name].get("required") for name, value in arguments.items()
                ):
                    continue
                error = refused(lab_of(build), cmdlet, "MissingMandatoryParameter", **arguments)
                assert error.category == INVALID_ARGUMENT
                assert error.message.endswith(f": {missing}.")

    @rule("1-1", "1-7", "2.1-1")
    def test_refuses_parameters_of_two_sets(self, lab_of: LabOf, cmdlet: str, build: str) -> None:
        if not is_known(cmdlet, build):
            return
        parameters = available(cmdlet, build)
        for one, facts in parameters.items():
            for other, more in parameters.items():
                if sets_of(cmdlet, facts) & sets_of(cmdlet, more):
                    continue
                arguments = {one: good(one, facts), other: good(other, more)}
                error = refused(lab_of(build), cmdlet, "AmbiguousParameterSet", **arguments)
                assert error.category == INVALID_ARGUMENT
                assert error.exception_type == f"{ENGINE}ParameterBindingException"


@each_cmdlet
class TestACmdletOfTheSnapIn:
    """On Edge the cmdlet itself is called, not a function of its name: ids end with its class."""

    def test_says_its_class(self, lab_of: LabOf, cmdlet: str) -> None:
        result = lab_of("2019-cu15").run(cmdlet, on="EDGE1", endpoint="winrm", Nonsense=1)
        identity, _, where = result.error_id.partition(",")
        assert identity == "NamedParameterNotFound"
        assert where.startswith("Microsoft.Exchange.Management.")

    def test_has_the_binders_own_error_for_a_wrong_type(self, lab_of: LabOf, cmdlet: str) -> None:
        name, facts = next(iter(available(cmdlet, "2019-cu15").items()))
        wrong = {name: next(bad(name, facts))}
        result = lab_of("2019-cu15").run(cmdlet, on="EDGE1", endpoint="winrm", **wrong)
        assert result.error_id.startswith("CannotConvertArgumentNoMessage,Microsoft.Exchange.Management.")
        assert result.error.category == INVALID_ARGUMENT
        assert result.error.exception_type == f"{ENGINE}ParameterBindingException"
