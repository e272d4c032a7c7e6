"""Fixtures that close asynchronous clients: one for each scope of pytest-asyncio's loops."""

import inspect
from typing import Any

import pytest_asyncio

from redistopo.pytest_plugin.async_clients import closing

# before 0.24, a test and its fixtures of the scope "function" had the same loop in any case
_CHOOSES = "loop_scope" in inspect.signature(pytest_asyncio.fixture).parameters


def _closing_in(scope: Any) -> Any:
    async def closing_in_loop() -> Any:
        async for register in closing():
            yield register

    chosen = {"loop_scope": scope} if _CHOOSES else {}
    made: Any = pytest_asyncio.fixture(name=f"_redistopo_closing_in_{scope}_loop", **chosen)
    return made(closing_in_loop)


closing_in_function_loop = _closing_in("function")
closing_in_class_loop = _closing_in("class")
closing_in_module_loop = _closing_in("module")
closing_in_package_loop = _closing_in("package")
closing_in_session_loop = _closing_in("session")
