"""The address that one types into a browser."""

import pytest

from redistopo.demo.serve_demo import url


@pytest.mark.parametrize(
    ("host", "told"),
    [
        ("127.0.0.1", "http://127.0.0.1:5000"),
        ("localhost", "http://localhost:5000"),
        ("::1", "http://[::1]:5000"),
        ("[::1]", "http://[::1]:5000"),
        ("0.0.0.0", "http://127.0.0.1:5000"),
        ("::", "http://[::1]:5000"),
        ("*", "http://127.0.0.1:5000"),
    ],
)
def test_an_address_for_a_browser(host: str, told: str) -> None:
    assert url(host, 5000) == told
