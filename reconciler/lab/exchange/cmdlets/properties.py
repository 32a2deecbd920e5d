"""From a parameter's value to the property that Get shows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from reconciler.lab.exchange import values
from reconciler.lab.exchange.addresses import checked_address, ip_address_object
from reconciler.lab.exchange.clixml import NIL, Value, boolean, int32, string, texts_of
from reconciler.lab.exchange.cmdlets.catalogue import Parameter
from reconciler.lab.exchange.cmdlets.conversion import Edit, enumeration, is_byte_size
from reconciler.lab.exchange.cmdlets.errors import Refused, not_transformed
from reconciler.lab.exchange.cmdlets.run import Run
from reconciler.lab.exchange.values import BadValue

Many = Callable[[Iterable[str]], Value]


def out_of_range(parameter: Parameter) -> Refused:
    low, high = parameter.limits or ("", "")
    return Refused(
        f"Property constraint violated for {parameter.name}. The value must be between {low} and {high}.",
        kind="DataValidationException",
        target=parameter.name,
    )


def within(parameter: Parameter, number: int, read: Callable[[str], int] = int) -> int:
    """Check a number against the parameter's range.

    Raises:
        Refused: it is smaller or larger.
    """
    if parameter.limits is not None:
        low, high = (read(limit) for limit in parameter.limits)
        if not low <= number <= high:
            raise out_of_range(parameter)
    return number


def property_of(
    run: Run,
    name: str,
    many: Mapping[str, Many],
    before: Iterable[str] = (),
) -> Value:
    """Make the property that a bound parameter asks for.

    Args:
        run: The invocation.
        name: The parameter; the property has the same name.
        many: How multi-valued properties are made from their items' texts.
        before: The items that a multi-valued property has now.

    Raises:
        Terminated: an item that an export brought is none that the type accepts.
        Refused: the value is out of range.
    """
    parameter = run.cmdlet.parameters[name]
    value = run.bound.get(name)
    try:
        if name in many:
            return many[name](_items(value, before, many[name]))
        return _single(parameter, value)
    except BadValue as reason:
        raise not_transformed(
            run.cmdlet, name, f'Cannot convert value "{value}" to type "{parameter.type}". Error: {reason}'
        ) from None


def _items(value: list[str] | Edit | None, before: Iterable[str], make: Many) -> list[str]:
    """The items after a list, an edit or null; compared as they print [3-22]."""
    if value is None:
        return []
    if not isinstance(value, Edit):
        return _distinct(value, make)
    removed = {_printed(item, make) for item in value.remove}
    kept = [item for item in before if _printed(item, make) not in removed]
    return _distinct([*kept, *value.add], make)


def _distinct(items: Iterable[str], make: Many) -> list[str]:
    return list({_printed(item, make): item for item in reversed(list(items))}.values())[::-1]


def _printed(item: str, make: Many) -> str:
    return "".join(texts_of(make([item]))).lower()


def _single(parameter: Parameter, value: Any) -> Value:
    match parameter.type:
        case "Boolean":
            return boolean(value)
        case "Int32":
            return int32(within(parameter, value))
        case "String":
            return string(value or "")  # a text that is not set reads as empty, not as null [6.5]
        case "PSCredential":
            return NIL  # Get never shows it [1-10]
    if value is None or value == "":
        return NIL
    if reader := _READERS.get(parameter.type):
        return reader(parameter, value)
    known = enumeration(parameter)
    # Settings of logging and pickup are of types that no export shows: the lab keeps what it is given.
    return string(value) if known is None else known.named(value)


def _span(parameter: Parameter, text: str) -> Value:
    return values.time_span(within(parameter, values.ticks_of(text), values.ticks_of))


def _unlimited(parameter: Parameter, text: str) -> Value:
    is_size = is_byte_size(parameter)
    if text.lower() == "unlimited":
        return values.unlimited_bytes(None) if is_size else values.unlimited_int(None)
    if is_size:
        return values.unlimited_bytes(values.rounded_to_kb(within(parameter, values.bytes_of(text))))
    return values.unlimited_int(within(parameter, int(text)))


def _size(parameter: Parameter, text: str) -> Value:
    return values.byte_size(within(parameter, values.bytes_of(text)))


_READERS: Mapping[str, Callable[[Parameter, str], Value]] = {
    "EnhancedTimeSpan": _span,
    "Unlimited": _unlimited,
    "ByteQuantifiedSize": _size,
    "Fqdn": lambda _, text: values.fqdn(text),
    "SmtpX509Identifier": lambda _, text: values.certificate_name(text),
    "SmtpDomainWithSubdomains": lambda _, text: values.domain_with_subdomains(text),
    "IPAddress": lambda _, text: ip_address_object(checked_address(text)),
}
