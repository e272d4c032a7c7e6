"""The private CA of a topology and its certificates, all readable only by their owner."""

import json
import time
from collections.abc import Iterable
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from redistopo.client.tls import loads
from redistopo.errors import RedistopoError
from redistopo.host.files import private_folder, read_json, remove, write_private
from redistopo.model.planning.plan import Plan
from redistopo.model.remedies.of_topology import renew_ca
from redistopo.model.topology.project_paths import TlsFolder
from redistopo.project.certificate_authority import (
    CA_DAYS,
    LEAF_DAYS,
    certificate_text,
    key_text,
    load_authority,
    new_authority,
    sign,
)


def ensure_certificates(plan: Plan, *, idle: bool = False) -> tuple[str, ...]:
    """Create missing certificates of all nodes and the client; does nothing without `tls`.

    Existing certificates stay, unless they can't be loaded or, if no server runs (`idle`), have
    expired; returns the names of those that were replaced. Raises RedistopoError if the CA is lost.
    """
    if not plan.topology.tls:
        return ()
    folder = plan.layout.tls
    refuse_lost_authority(folder)
    private_folder(folder.root)
    wanted = _wanted(plan)
    if _made(folder).get("host") != _host(plan):
        _make(folder, _host(plan), wanted)
        return ()
    over = idle and 0 < _until(folder) < time.time()
    spoilt = [path for path in wanted if path.exists() and (over or not loads(path))]
    missing = [path for path in wanted if not path.exists()]
    if missing or spoilt or not folder.ca.exists() or not folder.stranger.exists():
        _make(folder, _host(plan), [*missing, *spoilt])
    return tuple(path.name for path in spoilt)


def renew_certificates(plan: Plan, days: int = LEAF_DAYS, *, new_ca: bool = False) -> None:
    """Renew the certificates of all nodes and the client for `days`; with `new_ca`, of a new CA.

    Each file is replaced atomically, with certificate and key together, so that a server that
    starts at the same time never reads a mismatch. The next export has new ones too. Raises
    RedistopoError if the CA is lost.
    """
    folder = plan.layout.tls
    if new_ca:
        # if interrupted here, the CA is lost; and without `made`, all certificates of the
        # old one are created again
        for path in (folder.made, folder.ca_key, folder.ca):
            remove(path, missing_ok=True)
    else:
        refuse_lost_authority(folder)
    private_folder(folder.root)
    _make(folder, _host(plan), _wanted(plan), days)
    remove(folder.exports, missing_ok=True)


def made_before(folder: TlsFolder) -> bool:
    """Return whether certificates were created here, whether still valid or not."""
    return folder.made.exists() or any(folder.root.glob("*.pem"))


def refuse_lost_authority(folder: TlsFolder) -> None:
    """Raise RedistopoError if certificates exist but their CA is lost: a new CA is only created
    on request."""
    if not made_before(folder) or loads(folder.ca, folder.ca_key):
        return
    gone = [path.name for path in (folder.ca_key, folder.ca) if not path.exists()]
    raise RedistopoError(
        f"the topology's CA is incomplete: {' and '.join(gone)} "
        f"{'is' if len(gone) == 1 else 'are'} missing"
        if gone
        else "the topology's CA is damaged: ca.crt or ca.key is invalid",
        detail=f"in {folder.root}; with a new CA, all servers must restart, and applications "
        "need the new ca.crt",
        hint=renew_ca("restore the files, or: redistopo down, then "),
    )


def _host(plan: Plan) -> str:
    """The address of the certificates, and the name, if clients are given one; over several hosts
    the address of each node, as ``node1=10.0.0.1``."""
    if plan.topology.hosts is not None:
        return " ".join(f"{node.name}={node.host}" for node in plan.nodes)
    return " ".join(filter(None, (plan.topology.address, plan.topology.announced_name)))


def _names(host: str, name: str) -> list[str]:
    """The part of `_host` that is for a node; for a client's certificate, which has none, any."""
    if "=" in host:
        each = dict(one.split("=", 1) for one in host.split())
        host = each.get(name, next(iter(each.values())))
    names = host.split()
    return [*names, "localhost"] if ip_address(names[0]).is_loopback else names


def _wanted(plan: Plan) -> list[Path]:
    folder = plan.layout.tls
    return [folder.node(node.name) for node in plan.nodes] + [folder.client]


def _made(folder: TlsFolder) -> dict[str, Any]:
    """The address that they were created for, and their expiry; {} if unknown."""
    return read_json(folder.made) or {}


def _until(folder: TlsFolder) -> float:
    """The first expiry, in seconds since the epoch; 0 if unknown."""
    until = _made(folder).get("until")
    return float(until) if isinstance(until, int | float) else 0.0


def _make(folder: TlsFolder, host: str, wanted: Iterable[Path], days: int = LEAF_DAYS) -> None:
    wanted = list(dict.fromkeys(wanted))
    ours = load_authority(folder)
    if ours is None:
        ours = new_authority("redistopo CA")
        write_private(folder.ca_key, key_text(ours))
        write_private(folder.ca, certificate_text(ours.certificate))
        wanted += [path for path in folder.root.glob("*.pem") if path not in wanted]
    rest = [path for path in folder.root.glob("*.pem") if path not in (*wanted, folder.stranger)]
    until = time.time() + days * 86400
    if rest:
        until = min(until, _until(folder))
    for path in wanted:
        if path != folder.stranger:
            write_private(path, sign(ours, path.stem, _names(host, path.stem), days))
    # the key of this CA isn't kept, so that it can't sign another certificate
    write_private(folder.stranger, sign(new_authority("another CA"), "stranger", (), CA_DAYS))
    write_private(folder.made, json.dumps({"host": host, "until": int(until)}) + "\n")
