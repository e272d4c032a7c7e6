"""Hosts for tests: namespaces of their own, each with an SSH daemon on a private address."""

from .host import BASE, Host
from .keys import OPERATOR
from .lab import Lab, opened
from .network import CONTROLLER
from .possible import NEEDED, why_not

__all__ = ["BASE", "CONTROLLER", "NEEDED", "OPERATOR", "Host", "Lab", "opened", "why_not"]
