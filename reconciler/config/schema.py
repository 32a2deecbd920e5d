"""JSON Schema of the desired state: what editors complete and the documentation is made from."""

from __future__ import annotations

from typing import Any

from .models.desired import DesiredState

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """The schema of one YAML file, draft 2020-12, made from the models that read it."""
    return {"$schema": DIALECT, **DesiredState.model_json_schema()}
