"""What is known of keys and certificates."""

import pytest

from redistopo.model.protocol.credentials import Certificate


@pytest.mark.parametrize(
    ("left", "lasts"),
    [
        (40 * 86400.0, "40 days"),
        (1.9 * 86400, "1 day"),
        (86399.0, "23 hours"),
        (3600.0, "1 hour"),
        (59.0, "0 hours"),
        (-5.0, "0 hours"),
    ],
)
def test_how_long_a_certificate_lasts(left: float, lasts: str) -> None:
    assert Certificate(left=left, expires="", serial="", names=()).lasts == lasts
