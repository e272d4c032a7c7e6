"""The section of a failed test's report: roles, and what the nodes logged."""

from redistopo.api.results import LogLine
from redistopo.pytest_plugin.failure_section import look_at, shown_entries, shown_roles


def _entry(text: str, level: str = "notice") -> LogLine:
    return LogLine(node="node1", at=None, level=level, text=text)


def test_roles_before_and_now() -> None:
    before = {"node1": "primary", "node2": "replica", "node10": "replica", "gone": "replica"}
    now = {"node1": "replica", "node2": "replica", "node10": "", "new": "primary"}
    assert shown_roles(before, now) == [
        "roles:",
        "  node1   primary -> replica",
        "  node2   replica",
        "  node10  replica -> no reply",
        "  gone    replica -> no reply",
        "  new     no reply -> primary",
    ]
    assert shown_roles({}, {}) == ["roles:"]
    assert shown_roles({"node1": ""}, {"node1": ""}) == ["roles:", "  node1  no reply"]


def test_warnings_are_first_and_the_last_of_many_are_shown() -> None:
    entries = [_entry("first"), _entry("bad", "warning"), _entry("last")]
    assert shown_entries(entries) == [
        "logged since the test began:",
        "  node1  bad",
        "  node1  first",
        "  node1  last",
    ]
    many = shown_entries([_entry(str(number)) for number in range(25)])
    assert many[1:3] == ["  (5 earlier other entries left out)", "  node1  5"]
    assert many[-1] == "  node1  24"
    assert len(shown_entries([_entry(str(number)) for number in range(20)])) == 21
    assert shown_entries([]) == ["nothing was logged"]


def test_a_folder_is_quoted_in_each_command() -> None:
    lines = look_at("/tmp/my folder")
    assert [line.partition("   (")[0] for line in lines] == [
        f"  redistopo -C '/tmp/my folder' {verb}"
        for verb in ("status", "verify", "logs", "cli", "down --wipe")
    ]
