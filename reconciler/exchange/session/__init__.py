"""PowerShell remoting to one server. This package is the only door to pypsrp.

pypsrp carries the messages; what they hold is read by our own CLIXML reader (`messages`), because pypsrp's
loses Exchange's objects [5-6]. One pool and one WSMan belong to one thread; a pool shared by threads breaks.
"""

from reconciler.exchange.session.sessions import Sessions

__all__ = ["Sessions"]
