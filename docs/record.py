"""Record the picture in README: four commands in a real terminal, drawn as SVG by rich.

Run it from a checkout: .venv/bin/python docs/record.py
"""

import os
import pty
import re
import subprocess
import sys
import tempfile
from io import StringIO
from pathlib import Path

import pyte
from rich.console import Console
from rich.text import Text

COMMANDS = ("redistopo init cluster", "redistopo up", "redistopo verify", "redistopo down")
PROGRAM = Path(sys.executable).parent / "redistopo"
WIDTH = 116
HEIGHT = 60


def screen(command: str, folder: Path) -> list[Text]:
    """Return the lines that a terminal shows after the command."""
    shown = pyte.Screen(WIDTH, HEIGHT)
    stream = pyte.ByteStream(shown)
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [str(PROGRAM), *command.split()[1:]],
        cwd=folder,
        stdin=subprocess.DEVNULL,  # `down` asks on a terminal
        stdout=slave,
        stderr=slave,
        env={**_environment(folder), "COLUMNS": str(WIDTH), "TERM": "xterm-256color"},
    )
    os.close(slave)
    output = b"".join(iter(lambda: _read(master), b""))
    process.wait()
    # paths as on the reader's machine
    output = output.replace(str(folder).encode(), b"~/shop")
    output = re.sub(rb"/\S+/(redis-cli|valkey-cli)", rb"\1", output)
    stream.feed(output)
    lines = [_line(shown.buffer[row]) for row in range(HEIGHT)]
    while lines and not lines[-1].plain.strip():
        lines.pop()
    return lines


def _environment(folder: Path) -> dict[str, str]:
    """Return an environment with redistopo on PATH, so that hints begin with its plain name, and
    with no other topology."""
    path = os.pathsep.join((str(PROGRAM.parent), os.environ["PATH"]))
    return {**os.environ, "PATH": path, "XDG_STATE_HOME": str(folder.parent / "state")}


def _read(master: int) -> bytes:
    try:
        return os.read(master, 65536)
    except OSError:  # on Linux: the other end is closed
        return b""


def _line(cells: "dict[int, pyte.screens.Char]") -> Text:
    line = Text()
    for column in range(WIDTH):
        cell = cells[column]
        color = "default" if cell.fg == "default" else cell.fg.replace("brown", "yellow")
        line.append(cell.data, style=f"{'bold ' if cell.bold else ''}{color}")
    line.rstrip()
    return line


def main() -> None:
    """Write docs/screen.svg."""
    console = Console(record=True, width=WIDTH, file=StringIO(), force_terminal=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "shop"
        folder.mkdir()
        for command in COMMANDS:
            console.print(Text(f"$ {command}", style="bold"))
            for line in screen(command, folder):
                console.print(line)
            console.print()
        subprocess.run(
            [PROGRAM, "down", "--wipe", "--yes", "--quiet"],
            cwd=folder,
            env=_environment(folder),
            check=True,
        )
    # no web font: the picture loads nothing from the network
    text = re.sub(r"@font-face \{.*?\}\n?", "", console.export_svg(title="redistopo"), flags=re.S)
    (Path(__file__).parent / "screen.svg").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
