"""From YAML to desired state: reading, checking, describing."""

from .desired import Connection, Desired, Endpoint, IssuerSettings, Loaded
from .loading import load
from .schema import json_schema

__all__ = ["Connection", "Desired", "Endpoint", "IssuerSettings", "Loaded", "json_schema", "load"]
