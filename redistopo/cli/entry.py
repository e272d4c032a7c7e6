"""The entry point of the installed command: Ctrl-C ends it at once until the rest is imported."""

import signal
from typing import NoReturn


def main(prog_name: str = "redistopo") -> NoReturn:
    """Run the command line; without a traceback of imports if it is interrupted in these."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from redistopo.cli.main import main as command

    signal.signal(signal.SIGINT, before)
    command(prog_name)
