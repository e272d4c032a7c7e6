"""Certificates for an export, of the topology's own CA: its nodes have other addresses there."""

import json
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256

from redistopo.client.tls import loads
from redistopo.errors import RedistopoError
from redistopo.host.files import private_folder, read_exactly, read_json, read_text, write_private
from redistopo.model.planning.plan import Plan
from redistopo.model.protocol.credentials import TlsTexts
from redistopo.model.topology.project_paths import TlsFolder
from redistopo.project.certificate_authority import LEAF_DAYS, load_authority, sign
from redistopo.project.certificates import ensure_certificates, made_before, refuse_lost_authority

_LEFT = 30 * 86400
"""Seconds for which a certificate has to be valid to be exported again."""


def export_certificates(plan: Plan, target: str, names: Mapping[str, Sequence[str]]) -> TlsTexts:
    """Return the CA, the client's certificate, and one for each node with its `names` there.

    The same ones as before, if names and CA are the same: a repeated export writes the same files.
    Creates the topology's certificates if there are none yet. Raises RedistopoError if the CA is
    lost.
    """
    folder = plan.layout.tls
    if made_before(folder) and loads(folder.client):
        refuse_lost_authority(folder)
    else:
        ensure_certificates(plan)
    authority = read_exactly(folder.ca)
    made = folder.export(target)
    wanted = {
        "authority": sha256(authority.encode()).hexdigest(),
        "names": {node: list(each) for node, each in names.items()},
    }
    found = read_json(made.made) or {}
    same = {key: found.get(key) for key in wanted} == wanted
    if not same or not _lasts(found) or not all(loads(made.node(node)) for node in names):
        found = wanted | {"until": int(time.time() + LEAF_DAYS * 86400)}
        _make(folder, made, names)
        write_private(made.made, json.dumps(found) + "\n")
    return TlsTexts(
        authority=authority,
        client=read_exactly(folder.client),
        nodes={node: read_text(made.node(node)) or "" for node in names},
        expires=datetime.fromtimestamp(found["until"], UTC).date().isoformat(),
    )


def _lasts(found: Mapping[str, object]) -> bool:
    until = found.get("until")
    return isinstance(until, int) and until > time.time() + _LEFT


def _make(folder: TlsFolder, made: TlsFolder, names: Mapping[str, Sequence[str]]) -> None:
    ours = load_authority(folder)
    if ours is None:
        raise RedistopoError(f"the topology's CA can't be read: {folder.ca_key}")
    private_folder(made.root)
    for node, each in names.items():
        write_private(made.node(node), sign(ours, node, each, LEAF_DAYS))
