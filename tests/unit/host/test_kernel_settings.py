"""The kernel's settings out of its own text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redistopo.host.kernel_settings import (
    HUGE_PAGES,
    MAC_SOMAXCONN,
    MEMORY_MAX,
    OVERCOMMIT,
    SOMAXCONN,
    Kernel,
    kernel_of,
)

CASES = [
    ({}, Kernel()),
    ({OVERCOMMIT: "1\n", SOMAXCONN: "4096\n"}, Kernel(overcommit=1, somaxconn=4096)),
    ({HUGE_PAGES: "always [madvise] never\n"}, Kernel(huge_pages="madvise")),
    ({HUGE_PAGES: "[always] madvise never"}, Kernel(huge_pages="always")),
    ({HUGE_PAGES: "always madvise never"}, Kernel()),
    ({MAC_SOMAXCONN: "128"}, Kernel(somaxconn=128)),
    ({MAC_SOMAXCONN: "kern.ipc.somaxconn: 256"}, Kernel(somaxconn=256)),
    ({OVERCOMMIT: "vm.overcommit_memory = 2"}, Kernel(overcommit=2)),
    ({MEMORY_MAX: "max"}, Kernel()),
    ({MEMORY_MAX: "536870912"}, Kernel(memory_max=536870912)),
    ({OVERCOMMIT: "", SOMAXCONN: "-1", MEMORY_MAX: "1e9"}, Kernel()),
]


@pytest.mark.parametrize(("settings", "kernel"), CASES)
def test_settings_are_read(settings: dict[str, str], kernel: Kernel) -> None:
    assert kernel_of(settings) == kernel


@given(st.dictionaries(st.sampled_from([OVERCOMMIT, HUGE_PAGES, SOMAXCONN, MEMORY_MAX]), st.text()))
def test_no_text_breaks_it(settings: dict[str, str]) -> None:
    found = kernel_of(settings)
    assert found.overcommit is None or found.overcommit >= 0
