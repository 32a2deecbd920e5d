"""What all tests share."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

# A busy machine is no broken property: no example is timed.
settings.register_profile("reconciler", deadline=None)
settings.load_profile("reconciler")

NO_SKIPS = "RECONCILER_NO_SKIPS"
"""Set where everything that tests need is installed: there a skipped test is a failure."""


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if skipped and os.environ.get(NO_SKIPS) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    if skipped and os.environ.get(NO_SKIPS):
        terminalreporter.section(f"{len(skipped)} skipped, and {NO_SKIPS} is set: a failure", red=True)
        for report in skipped:
            terminalreporter.line(report.nodeid)
