"""Which CVEs the distribution's package of a server has fixed, by its changelog: distributions
patch a release without changing its version."""

import gzip
import re
import zlib
from contextlib import suppress
from pathlib import Path

from redistopo.host.run_program import run_command
from redistopo.model.protocol.engine import Engine

_DOCS = Path("/usr/share/doc")
_SYSTEM = ("/usr/bin", "/usr/sbin", "/bin", "/sbin")
_CVE = re.compile(r"CVE-[0-9]{4}-[0-9]{4,7}", re.ASCII)


def cves_fixed_by_package(engine: Engine, docs: Path = _DOCS) -> frozenset[str]:
    """Return the CVEs that the changelog of the server's package names; none if the server comes
    from no package, or the changelog isn't installed."""
    if str(Path(engine.path).parent) not in _SYSTEM:
        return frozenset()
    names = {f"{engine.product.value}{part}" for part in ("", "-server", "-tools")}
    texts = [_debian(docs / name / "changelog.Debian.gz") for name in sorted(names)]
    asked = ["rpm", "-q", "--changelog", "--whatprovides", engine.path]
    if not any(texts) and (output := run_command(asked)):
        texts.append(output)
    return frozenset(one for text in texts for one in _CVE.findall(text))


def _debian(path: Path) -> str:
    with suppress(OSError, EOFError, zlib.error), gzip.open(path) as packed:
        return packed.read(1 << 22).decode(errors="replace")
    return ""
