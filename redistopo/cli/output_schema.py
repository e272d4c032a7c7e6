"""The JSON schema of what `--json` prints, made from the types that are printed."""

from collections.abc import Mapping
from importlib import import_module

from redistopo.cli.envelope import Envelope
from redistopo.session.json_schema import JsonSchemas, Schema

_NODES = ("redistopo.session.node_action:NodeActionResult",)
_PREVIEW = "redistopo.session.preview_result:Preview"

RESULTS: Mapping[str, tuple[str, ...]] = {
    "bundle": ("redistopo.ops.bundle:BundleResult",),
    "call": ("redistopo.ops.call:CallResult",),
    "certs renew": ("redistopo.ops.certs:CertsResult", _PREVIEW),
    "cli": ("redistopo.ops.cli:CliResult",),
    "clone": ("redistopo.ops.start_with_data:RestoreResult",),
    "connect": ("redistopo.ops.connect:ConnectResult",),
    "demo": ("redistopo.demo.cache_check:CheckResult",),
    "doctor": ("redistopo.ops.doctor:DoctorResult",),
    "down": ("redistopo.ops.down:DownResult", _PREVIEW),
    "drill all": ("redistopo.ops.drill_all:DrillAllResult", _PREVIEW),
    "drill failover": ("redistopo.drill.drill_report:DrillReport", _PREVIEW),
    "drill grow": ("redistopo.drill.drill_report:DrillReport", _PREVIEW),
    "drill host": ("redistopo.drill.drill_report:DrillReport", _PREVIEW),
    "engines": ("redistopo.ops.engines:EnginesResult",),
    "env": ("redistopo.ops.env:EnvResult",),
    "export": ("redistopo.ops.export:ExportResult",),
    "explain": ("redistopo.ops.explain:TopicResult",),
    "failover": ("redistopo.ops.failover:FailoverResult", _PREVIEW),
    "import": ("redistopo.ops.import_keys:ImportResult",),
    "init": ("redistopo.ops.init:InitResult", "redistopo.ops.adopt:AdoptResult"),
    "install": ("redistopo.ops.install:InstallResult",),
    "kill": (*_NODES, _PREVIEW),
    "move": ("redistopo.ops.move:MoveResult",),
    "move-slots": ("redistopo.ops.move_slots:SlotMoves",),
    "pause": (*_NODES, _PREVIEW),
    "plan": ("redistopo.ops.plan:PlanResult",),
    "port": ("redistopo.ops.port:PortResult",),
    "ps": ("redistopo.ops.ps:PsResult",),
    "rebalance": (
        "redistopo.ops.move_slots:SlotMoves",
        "redistopo.ops.rebalance_roles:RolesResult",
        _PREVIEW,
    ),
    "render": ("redistopo.ops.render:RenderResult",),
    "reset": ("redistopo.ops.reset:ResetResult", _PREVIEW),
    "restart": ("redistopo.ops.restart:RestartResult", _PREVIEW),
    "upgrade": (
        "redistopo.ops.upgrade:UpgradeResult",
        "redistopo.ops.upgrade:UpgradeCheck",
        _PREVIEW,
    ),
    "restore": ("redistopo.ops.start_with_data:RestoreResult",),
    "resume": _NODES,
    "scale": ("redistopo.ops.up:UpResult", "redistopo.ops.plan:PlanResult"),
    "secret rotate": ("redistopo.ops.secret:RotateResult", _PREVIEW),
    "secret show": ("redistopo.ops.secret:SecretResult",),
    "set": ("redistopo.ops.set:SetResult", _PREVIEW),
    "snapshot": ("redistopo.ops.snapshot:SnapshotResult", "redistopo.ops.snapshot:TimerResult"),
    "snapshots": ("redistopo.ops.snapshots:SnapshotsResult",),
    "start": _NODES,
    "status": ("redistopo.ops.status:StatusResult",),
    "stop": (*_NODES, _PREVIEW),
    "templates export": ("redistopo.ops.templates:TemplatesResult",),
    "undo": ("redistopo.ops.undo:UndoResult",),
    "up": ("redistopo.ops.up:UpResult", "redistopo.ops.plan:PlanResult"),
    "url": ("redistopo.ops.url:UrlResult",),
    "verify": ("redistopo.ops.verify:VerifyResult",),
    "version": ("redistopo.cli.commands.version:VersionResult",),
    "wait": ("redistopo.ops.wait:WaitResult",),
}
"""Command -> the types of its result; the last one is that of `--dry-run`, if it has its own."""

RECORDS: Mapping[str, str] = {
    "events": "redistopo.cli.views.events:EventRecord",
    "logs": "redistopo.cli.views.logs:LogRecord",
    "stderr": "redistopo.cli.progress:ProgressRecord",
}
"""Where an object is printed on each line -> its type: two commands, and progress on stderr."""


def output_schema() -> Schema:
    """Build a JSON schema (draft 2020-12) of the envelope, with the result of each command.

    The lines of streams have no envelope; their schemas are in `$defs`.
    """
    made = JsonSchemas()
    results: dict[str, Schema] = {
        verb: {"anyOf": [*(made.of(load_type(one)) for one in names), {"type": "null"}]}
        for verb, names in RESULTS.items()
    }
    for path in RECORDS.values():
        made.of(load_type(path))
    made.of(Envelope)
    envelope = made.defs.pop("Envelope")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "redistopo --json",
        **envelope,
        "allOf": [
            {"anyOf": [{"properties": {name: {"type": "null"}}} for name in ("result", "error")]},
            *(_only_if(verb, result) for verb, result in results.items()),
        ],
        "$defs": made.defs,
    }


def load_type(path: str) -> type:
    """Import a type by ``module:name``."""
    module, _, name = path.partition(":")
    found: type = getattr(import_module(module), name)
    return found


def _only_if(verb: str, result: Schema) -> Schema:
    condition = {"properties": {"verb": {"const": verb}}}
    return {"if": condition, "then": {"properties": {"result": result}}}
