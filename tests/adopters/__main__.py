"""Fetches the suites with pip, runs each by `redistopo run`, and compares how many tests pass.

Outside of the gate: it takes some minutes and PyPI. Arguments select suites by name.
"""

import os
import re
import subprocess
import sys
import tarfile
import venv
from pathlib import Path

from support.network import isolate

from adopters.languages import LANGUAGES, run_snippets
from adopters.table import ADOPTERS, Adopter

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "redistopo-adopters"
HERE = Path(__file__).parent


def _fetched(one: Adopter) -> Path:
    """The folder with the unpacked source, and its environment in `env`, made once."""
    folder = CACHE / one.source.replace("==", "-")
    if (folder / "complete").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    venv.create(folder / "env", with_pip=True)
    pip = [str(_python(folder)), "-m", "pip", "--disable-pip-version-check", "-q"]
    subprocess.run([*pip, "install", "-r", HERE / f"{one.name}.txt"], check=True)
    where = ["-d", folder, "--no-deps", "--no-binary", ":all:", one.source]
    subprocess.run([*pip, "download", *where], check=True)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    (folder / "complete").touch()
    return folder


def _python(folder: Path) -> Path:
    return folder / "env" / "bin" / "python"


def _run(one: Adopter, folder: Path) -> str:
    (source,) = (path for path in folder.iterdir() if (path / "PKG-INFO").exists())
    suite = f"'{_python(folder)}' -m pytest -q -p no:cacheprovider -rf --tb=short {one.pytest}"
    before = HERE / f"{one.name}.sh"
    script = f". '{before}'; exec {suite}" if before.exists() else f"exec {suite}"
    command = Path(sys.executable).with_name("redistopo")
    words = [command, "run", *one.options, "--quiet", "--", "sh", "-c", script]
    done = subprocess.run(
        words, cwd=source, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return done.stdout


def _judged(one: Adopter, out: str) -> str:
    """What differs from the table; "" if nothing does."""
    counts = {what: int(number) for number, what in re.findall(r"(\d+) (passed|failed|error)", out)}
    if failed := re.findall(r"^FAILED (\S+)", out, re.MULTILINE):
        return f"failed: {', '.join(failed)}"
    if counts.get("error") or counts.get("passed", 0) < one.passes:
        return f"{counts}, but {one.passes} pass elsewhere"
    return ""


def main() -> int:
    names = sys.argv[1:] or [*LANGUAGES, *(one.name for one in ADOPTERS)]
    chosen = [one for one in ADOPTERS if one.name in names]
    wrong = 0
    for language in LANGUAGES.keys() & {*names}:
        if fault := run_snippets(language, CACHE):
            wrong += 1
            print(f"{language}: {fault[-6000:]}")
    fetched = {one.name: _fetched(one) for one in chosen}
    isolate()  # the ports that some suites name may be in use on this machine
    for one in chosen:
        out = _run(one, fetched[one.name])
        fault = _judged(one, out)
        wrong += bool(fault)
        last = next((x for x in reversed(out.splitlines()) if "passed" in x or "failed" in x), "")
        print(f"{one.source} on {one.options[0]}: {fault or 'as expected'} ({last.strip('= ')})")
        if fault:
            print(out[-6000:])
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
