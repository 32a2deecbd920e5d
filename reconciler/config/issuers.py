"""Who signs, from the desired state or from a connections file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from .connections import NAME_IT, ConnectionsSource
from .desired import IssuerSettings
from .draft import Draft
from .models.issuer import BUILT_IN, IssuerModel, OtherIssuer
from .plug_ins import PlugInUnusable, plug_in, plugged_in
from .suggestion import did_you_mean
from .tree import Node, value_at
from .validation import validate

ANY_ISSUER: Final = "*"


def issuers_of(draft: Draft, base: Path, file: ConnectionsSource | None) -> Mapping[str, IssuerSettings]:
    """The issuers by name; a connections file's replace them, and its ``*`` stands for any other.

    One that is declared, and that the file neither names nor stands for, is an error: a rehearsal must
    not sign with the authority of production.
    """
    if file is None:
        return _Declared(draft, draft.root, base).all(
            {name: name for name in draft.state.issuers}, draft.state.issuers
        )
    stand_ins = dict.fromkeys(draft.state.issuers, ANY_ISSUER) if ANY_ISSUER in file.issuers else {}
    named = {name: name for name in file.issuers if name != ANY_ISSUER}
    for name in draft.state.issuers:
        if name not in {**stand_ins, **named} and not file.is_broken("issuers", name, ANY_ISSUER):
            draft.error(
                "Not in the connections file",
                f'"{name}" is not among the issuers of "{file.root.where.file}", nor is "*".',
                draft.key("issuers", name),
                NAME_IT,
            )
    return _Declared(draft, file.root, file.base).all({**stand_ins, **named}, file.issuers)


class _Declared:
    """The issuers of one file."""

    def __init__(self, draft: Draft, root: Node, base: Path) -> None:
        self._draft = draft
        self._root = root
        self._base = base

    def all(
        self, written_as: Mapping[str, str], models: Mapping[str, IssuerModel]
    ) -> Mapping[str, IssuerSettings]:
        """The settings by name; ``written_as`` tells under which key of the file each stands."""
        read = {key: self._settings(key, models[key]) for key in dict.fromkeys(written_as.values())}
        return {
            name: IssuerSettings(name, found.type, self._base, found.settings, found.plug_in)
            for name, key in written_as.items()
            if (found := read[key]) is not None
        }

    def _settings(self, key: str, model: Any) -> IssuerSettings | None:
        if not isinstance(model, OtherIssuer):
            return IssuerSettings(key, model.type, self._base, model)
        where = value_at(self._root, ("issuers", key, "type"))
        try:
            found = plug_in(model.type)
        except PlugInUnusable as error:
            hint = "correct or remove the package that brings it, or use another type"
            self._draft.error(
                "Issuer plug-in not usable", f'"{model.type}" cannot be used: {error}.', where, hint
            )
            return None
        if found is None:
            types = (*BUILT_IN, *plugged_in())
            self._draft.error(
                "Unknown type of issuer",
                f'There is no issuer of type "{model.type}": built in are {" and ".join(BUILT_IN)}, and no '
                "installed package brings it.",
                where,
                did_you_mean(model.type, types, otherwise="install the package that brings it"),
            )
            return None
        validated = validate(found.settings, self._root, {}, at=("issuers", key), but=("type",))
        self._draft.diagnostics += validated.diagnostics
        if validated.model is None or validated.diagnostics:
            return None
        return IssuerSettings(key, model.type, self._base, validated.model, found)
