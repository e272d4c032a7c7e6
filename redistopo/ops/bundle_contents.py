"""The members of a failure bundle, each made as it is asked for; all of them without secrets."""

import json
from collections.abc import Callable, Iterator

from redistopo.checks.catalogue import judge
from redistopo.checks.check_types import Expected
from redistopo.client.connectivity_probe import probe_nodes
from redistopo.client.target import Detail
from redistopo.errors import RedistopoError
from redistopo.host.archive import Member
from redistopo.host.engine_search import find_engines
from redistopo.host.files import last_part, listing
from redistopo.host.local_host import LOCAL
from redistopo.host.machine_facts import environment, facts, process_facts, versions
from redistopo.host.running_servers import servers_below
from redistopo.host.server_process import find_process
from redistopo.model.connectivity.report import connectivity_report, explanation_lines, matrix_lines
from redistopo.model.protocol.credentials import ENVIRONMENT_VARIABLE
from redistopo.model.protocol.redact import Redactor
from redistopo.model.state.observed import Observed
from redistopo.model.topology.project_paths import Layout
from redistopo.ops.plan import plan
from redistopo.project.topology_state_file import node_folder_names
from redistopo.quick_dataclass import dataclass
from redistopo.session.raw_replies import ask_nodes
from redistopo.session.session import Session
from redistopo.session.to_json import to_json

_LOG_BYTES = 1024 * 1024
"""Of each log; a server that loops in trouble fills its log by gigabytes."""

README = """\
What redistopo saw of a topology, for a report. Passwords, keys and data are not in it: known
secrets were removed from every file, `user` lines and users.acl too. Look through it all the
same before you pass it on: paths, addresses and names of this machine are in it.

events.jsonl        what the last runs that changed it told, with times (UTC) and errors
failure/            what the nodes said when the last `up` failed, before it was undone
reach.txt           who reaches whom now, and what is in the way
findings.json       every check of `verify` now; plan.json: what `up` would do now
nodes/*/            configuration, end of the log, Redis's own table, and what the node says now
machine.json        limits, memory, disk, kernel; processes.json: the servers' processes
hosts.json          other hosts of the topology: memory, time, servers; or why not reached
versions.json       redistopo, Python and its packages, the servers on this machine
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What all members are made from."""

    session: Session
    scrub: Redactor

    @property
    def layout(self) -> Layout:
        return self.session.layout

    def members(self) -> Iterator[Member]:
        """Yield every member; what can't be determined is replaced by the error."""
        yield "README.txt", README
        yield from self._files()
        yield "machine.json", self._json(lambda: facts(self.layout.root))
        yield "processes.json", self._json(self._processes)
        yield "environment.json", self._json(_environment)
        yield (
            "versions.json",
            self._json(lambda: {**versions(), "engines": to_json(find_engines())}),
        )
        yield "plan.json", self._json(lambda: to_json(plan(self.layout.root)))
        yield from self._failure()
        yield from self._now()

    def _files(self) -> Iterator[Member]:
        layout = self.layout
        yield "files.txt", self.scrub.text(listing(layout.state))
        for path in (layout.topology, layout.formation_log):
            yield path.name, self.scrub.lines(last_part(path, _LOG_BYTES))
        yield layout.record.name, self._json_text(last_part(layout.record, _LOG_BYTES))
        events = last_part(layout.events, _LOG_BYTES).splitlines()
        yield layout.events.name, "".join(self._json_text(line, indent=None) for line in events)
        for name in node_folder_names(layout):
            folder = layout.node(name)
            found = (folder.config, folder.started, folder.log, folder.table, folder.process)
            for path in (one for one in found if one.is_file() and not one.is_symlink()):
                text = self.scrub.lines(last_part(path, _LOG_BYTES))
                yield f"nodes/{name}/{path.name}", text
        if self.session.host is not LOCAL:
            yield from self._from_hosts()

    def _from_hosts(self) -> Iterator[Member]:
        """What servers write on other hosts, and the hosts' facts."""
        layout, host = self.layout, self.session.host
        names = node_folder_names(layout)
        try:
            logs = host.logs(layout, lambda: names)
            for name, path in logs.paths(0).items():
                log = self.scrub.lines(last_part(path, _LOG_BYTES))
                yield f"nodes/{name}/{layout.node(name).log.name}", log
            for name in names:
                if text := host.files.read(layout.node(name).table):
                    yield f"nodes/{name}/nodes.conf", self.scrub.lines(text)
        except RedistopoError as error:
            told = _told(error)
            yield "hosts-error.json", self._json(lambda: told)
        yield "hosts.json", self._json(host.facts)

    def _failure(self) -> Iterator[Member]:
        try:
            said = json.loads(last_part(self.layout.failure, 64 * _LOG_BYTES) or "null")
            nodes = dict(said.pop("nodes")) if said else {}
        except (ValueError, AttributeError, KeyError, TypeError):
            return
        if said:
            yield "failure/error.json", self._json(lambda: said)
            for name, text in nodes.items():
                yield f"failure/nodes/{name}.txt", self.scrub.lines(str(text))

    def _now(self) -> Iterator[Member]:
        session = self.session
        try:
            seen = session.observe(Detail.FULL)
        except RedistopoError as error:
            told = _told(error)
            yield "findings.json", self._json(lambda: told)
            return
        found = connectivity_report(seen, probe_nodes(seen, session.targets, session.client))
        lines = ["nothing keeps the nodes apart", *matrix_lines(found)]
        text = explanation_lines(found) if not found.healthy else "\n".join(lines)
        yield "reach.txt", self.scrub.text(f"{text}\n")
        yield "findings.json", self._json(lambda: to_json(judge(seen, _wanted(session))))
        for name, text in ask_nodes(seen, session.client).items():
            yield f"nodes/{name}/says-now.txt", self.scrub.lines(text)
        yield "nodes/seen.json", self._json(lambda: _states(seen))

    def _processes(self) -> object:
        layout, host = self.layout, self.session.host
        if host is not LOCAL:
            find, names = host.processes.find, node_folder_names(layout)
            return {"nodes": {name: to_json(find(layout, name)) for name in names}}
        mine = {name: find_process(layout, name) for name in node_folder_names(layout)}
        return {
            "nodes": {name: process_facts(one) if one else None for name, one in mine.items()},
            "servers in the state folder": to_json(servers_below(layout.state)),
        }

    def _json(self, made: Callable[[], object]) -> str:
        try:
            value = made()
        except RedistopoError as error:
            value = _told(error)
        return json.dumps(self.scrub.value(to_json(value)), indent=1, ensure_ascii=False) + "\n"

    def _json_text(self, text: str, *, indent: int | None = 1) -> str:
        try:
            value = self.scrub.value(json.loads(text))
        except ValueError:
            return self.scrub.lines(text)
        return json.dumps(value, indent=indent, ensure_ascii=False) + "\n"


def _told(error: RedistopoError) -> dict[str, str]:
    return {
        "error": type(error).__name__,
        "message": error.message,
        "detail": error.detail,
        "hint": error.hint,
    }


def _environment() -> dict[str, str]:
    found = dict(environment())
    return found | {name: "<removed>" for name in found if name == ENVIRONMENT_VARIABLE}


def _wanted(session: Session) -> Expected:
    try:
        return session.expected
    except RedistopoError:
        return Expected()


def _states(seen: Observed) -> object:
    return {
        node.name: {
            "address": node.address,
            "process": node.process,
            "pid": node.pid,
            "paused": node.paused,
            "held by": node.held_by,
            "error": node.error,
            "listening": node.listening,
        }
        for node in seen.nodes
    }
