"""The end of a run: what tests left changed, and the topologies that were kept."""

from typing import Any

from redistopo.pytest_plugin.failure_section import look_at
from redistopo.pytest_plugin.topologies import KEPT, RESTORED


def print_summary(terminal: Any) -> None:
    """Print a section, if there is anything to tell."""
    restored: list[str] = []
    kept: list[str] = []
    for report in (one for reports in terminal.stats.values() for one in reports):
        if getattr(report, "when", "") != "teardown":
            continue
        told = [(name, text) for name, text in report.user_properties if name in (KEPT, RESTORED)]
        restored += [f"{report.nodeid}: {text}" for name, text in told if name == RESTORED]
        for text in (text for name, text in told if name == KEPT):
            kept += [f"{report.nodeid}: the topology is kept as the test left it", *look_at(text)]
    if restored or kept:
        terminal.section("redistopo")
    if restored:
        terminal.line("restored after tests, beyond their data:")
        for line in restored:
            terminal.line(f"  {line}")
    for line in kept:
        terminal.line(line)
