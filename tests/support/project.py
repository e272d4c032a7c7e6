"""A project in a folder of its own, run by the installed command as a user runs it."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import redis

from redistopo.host.all_processes import pids_of
from redistopo.host.working_folders import working_folder
from redistopo.model.remedies.commands import classify
from redistopo.model.remedies.remedy import RemedyClass
from support import judge
from support.forked import COMMAND, FORKER, Running
from support.typed_record import RECORDER
from support.waiting import until

SERVERS = ("redis-server", "valkey-server", "redis-check-rdb")


@dataclass
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Project:
    """A folder, its first port, and the commands run in it; `cleanup` leaves nothing behind."""

    root: Path
    port: int
    env: dict[str, str] = field(default_factory=dict)
    size: int = 0
    sentinels: int = 0
    installed: bool = False

    def run(
        self,
        *words: str | Path,
        check: int | None = None,
        seconds: float = 90,
        installed: bool | None = None,
    ) -> Done:
        """The command ran in the folder; with `check`, it ended with that code.

        It is forked, and so spared its imports, unless it has to be the `installed` script.
        """
        argv, env = [COMMAND, *map(str, words)], self.environment()
        typed = " ".join(["redistopo", *argv[1:]])
        RECORDER.types(typed)
        script = self.installed if installed is None else installed
        if not script and FORKER.can(env):
            done = FORKER.run(argv, self.root, env, seconds)
        else:
            done = subprocess.run(
                argv,
                cwd=self.root,
                env=env,
                capture_output=True,
                text=True,
                timeout=seconds,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        found = Done(done.returncode, done.stdout, done.stderr)
        require_true_classes(found.out)
        RECORDER.saw(typed, found.out, found.err)
        if check is not None:
            assert found.code == check, f"{words}: {found}"
        return found

    def shell(self, command: str, answer: str = "") -> str:
        """A shell ran the command, as it is printed, in the folder; what it wrote to stdout."""
        RECORDER.types(command)
        return subprocess.run(
            ["sh", "-c", command],
            input=answer, text=True, capture_output=True, check=True,
            cwd=self.root, env=self.environment(),
        ).stdout  # fmt: skip

    def begin(self, *words: str) -> Running | subprocess.Popen[str]:
        """The command runs in the background, with pipes; forked as by `run`."""
        argv, env = [COMMAND, *words], self.environment()
        if not self.installed and FORKER.can(env):
            return FORKER.begin(argv, self.root, env)
        return subprocess.Popen(
            argv,
            cwd=self.root,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )

    def environment(self) -> dict[str, str]:
        return {**os.environ, **self.env}

    @property
    def command(self) -> Path:
        """The command for a shell, which has it forked, also where it has mounts of its own."""
        return FORKER.put_into(self.root.parent)

    def init(self, shape: str, *words: str, engine: str = "") -> None:
        """A topology file for the shape, from this project's own port, for what is tested then."""
        extra = ("--engine", engine) if engine else ()
        if shape == "sentinel":
            extra += ("--sentinel-port", str(self.port + 10))
        form = ("init", shape, "--port", str(self.port), "--json", *extra, *words)
        done = self.run(*form, check=0, installed=False)
        topology = done.json["result"]["topology"]
        self.size = topology["shards"] * (1 + topology["replicas"])
        self.sentinels = topology["sentinels"]

    def up(self, *words: str) -> Done:
        """The topology runs, for what is tested then."""
        return self.run("up", *words, check=0, installed=False)

    @property
    def ports(self) -> list[int]:
        return list(range(self.port, self.port + self.size))

    @property
    def password(self) -> str:
        path = self.root / ".redistopo" / "password"
        return path.read_text().strip() if path.exists() else ""

    def secret(self, user: str) -> str:
        """The password of one of our own users."""
        return (self.root / ".redistopo" / f"password.{user}").read_text().strip()

    def client(self, port: int | None = None) -> Any:
        return judge.client(port or self.port, self.password)

    @property
    def job(self) -> Path:
        """The record of a change that isn't finished."""
        return self.root / ".redistopo" / "job.json"

    def sentinel(self, number: int = 1) -> Any:
        """A client of the nth Sentinel; its replies aren't made into anything."""
        path = self.root / ".redistopo" / "password.sentinel"
        own = path.read_text().strip() if path.exists() else ""
        client = judge.client(self.port + 9 + number, own)
        client.response_callbacks.clear()
        return client

    def faults(self, *, cluster: bool = True) -> list[str]:
        """What the suite's own judge finds wrong."""
        return judge.faults(self.ports, self.password, cluster=cluster)

    def folder(self, node: int) -> Path:
        return self.root / ".redistopo" / "nodes" / f"node{node}"

    def pid(self, node: int) -> int:
        """The nth node's pid, by the server's own word."""
        with self.client(self.port + node - 1) as client:
            return int(client.info("server")["process_id"])

    def crash(self, *nodes: int) -> None:
        """These nodes, or all, got SIGKILL and ended; what they acknowledged is in their logs."""
        for port in [self.port + node - 1 for node in nodes] or self.ports:
            with suppress(redis.ConnectionError), self.client(port) as client:
                judge.await_written(client)
        named = {self.pid(node) for node in nodes}
        dying = [one for one in processes_below(self.root) if not nodes or one.pid in named]
        for process in dying:
            process.send_signal(signal.SIGKILL)
        until(lambda: not {one.pid for one in dying} & self._pids())

    def servers(self) -> list[psutil.Process]:
        """Every server at work below this folder, found without any record of ours."""
        return servers_below(self.root)

    def _pids(self) -> set[int]:
        return {one.pid for one in processes_below(self.root)}

    def _killed(self) -> bool:
        """Whether nothing runs any more; what still does is killed."""
        left = processes_below(self.root)
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        return not left

    def cleanup(self) -> None:
        """Nothing runs below the folder, and what servers wrote there is removed."""
        until(self._killed)
        shutil.rmtree(self.root / ".redistopo", ignore_errors=True)


def require_true_classes(out: str) -> None:
    """Every hint in a JSON document is of a class at least as high as its commands are."""
    if not (out.startswith("{") and '"hint"' in out):
        return
    with suppress(json.JSONDecodeError):
        for one in _with_hint(json.loads(out)):
            hint, remedy = one["hint"], one["remedy"]
            assert RemedyClass(remedy["class"]).level >= classify(hint).level, one
            assert bool(remedy["loses"]) is (remedy["class"] != RemedyClass.SAFE), one


def _with_hint(value: Any) -> Iterator[Any]:
    if isinstance(value, dict) and isinstance(value.get("hint"), str) and value["hint"]:
        yield value
    parts = value.values() if isinstance(value, dict) else value
    for part in parts if isinstance(value, dict | list) else ():
        yield from _with_hint(part)


def servers_below(root: Path) -> list[psutil.Process]:
    """Every server whose working folder lies below that one; without its children, which it forks
    to write a snapshot or a log anew, and which end by themselves."""
    found = processes_below(root)
    pids = {one.pid for one in found}
    servers = []
    for one in found:
        with suppress(psutil.Error):  # it has ended meanwhile
            if one.ppid() not in pids:
                servers.append(one)
    return servers


def processes_below(root: Path) -> list[psutil.Process]:
    """The same, their children too."""
    found = []
    for pid in pids_of(SERVERS):
        with suppress(psutil.Error, OSError):
            # what else there is to know takes longer, and most servers are other tests'
            if Path(working_folder(pid).removesuffix(" (deleted)")).is_relative_to(root):
                process = psutil.Process(pid)
                if process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
    return found
