"""Turns what Exchange answers into resources. Pure.

A property may come as a string or as an object, whatever it is [6.1-5]. One that is missing or makes no sense
is UNKNOWN in its resource, and the reason is kept beside it: unknown is not absent.
"""

from reconciler.exchange.reading.attributes import read_resource
from reconciler.exchange.reading.certificates import read_certificate, read_der
from reconciler.exchange.reading.exported import read_file_data

__all__ = ["read_certificate", "read_der", "read_file_data", "read_resource"]
