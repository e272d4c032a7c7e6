"""The pods of `export kubernetes` without Kubernetes: its scripts, in namespaces of their own, with
an address and a name, and the files that its manifest mounts."""

import os
import shutil
import signal
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import yaml

from support.waiting import until

_NEEDED = ("ip", "mount", "nsenter", "unshare", "setpriv", "getent", "redis-server", "redis-cli")
_ENVIRONMENT = {
    "PASSWORD_FILE": "/run/secrets/password",
    "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
}
_SPACES = ("--mount", "--net", "--pid")

_NETWORK = (
    "ip link set lo up && ip link add pods type bridge && ip address add 10.7.7.254/24 dev pods && "
    "ip link set pods up && echo ready && exec sleep infinity"
)
"""The network of the pods, in a namespace that ends with its process."""

_POD = """
set -eu
folder=$1 address=$2
shift 2
mount -t tmpfs pod "$folder/root"
cd "$folder/root"
mkdir upper work all
mount -t overlay -o lowerdir=/,upperdir=upper,workdir=work pod all
mount -t proc proc all/proc
mount --rbind /dev all/dev
mkdir -p all/data all/export all/run/secrets
for name in data export; do mount --bind "$folder/$name" "all/$name"; done
mount --bind "$folder/redis" all/run/secrets
mount --bind "$folder/../hosts" all/etc/hosts
printf '#!/bin/sh\\nexec "$@"\\n' >all/usr/local/bin/docker-entrypoint.sh
chmod 755 all/usr/local/bin/docker-entrypoint.sh
echo ready
read -r _
ip link set lo up
ip address add "$address/24" dev eth0
ip link set eth0 up
exec chroot all "$@" </dev/null >>"$folder/log" 2>&1
"""
"""What a container runtime does, up to the command of the container."""

_BESIDE = 'mount --bind "$0" /run/secrets && exec "$@"'
"""Another container of the pod, with secrets of its own."""


def why_no_pods() -> str:
    """Why there can be none here; "" if there can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "namespaces need Linux, and root"
    missing = [name for name in _NEEDED if shutil.which(name) is None]
    return f"needs {', '.join(missing)}" if missing else ""


@dataclass
class Pod:
    """Its folder has `data`, which lasts, and the files of its containers."""

    name: str
    spec: Mapping[str, Any]
    folder: Path
    outer: "subprocess.Popen[str] | None" = None
    pid: int = 0
    beside: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    def await_end(self) -> None:
        """Its first process ends, and all others with it."""
        assert self.outer
        self.outer.communicate(timeout=30)
        for one in self.beside:
            one.wait(timeout=30)
        self.outer, self.pid, self.beside = None, 0, []

    def argv(self, container: str, address: str) -> list[str]:
        """The command of a container."""
        found = next(one for one in self.spec["containers"] if one["name"] == container)
        words = [*found["command"], *found.get("args", ())]
        values = {"POD_NAME": self.name, "POD_IP": address}
        for name, value in values.items():
            words = [word.replace(f"$({name})", value) for word in words]
        env = {**_ENVIRONMENT, "JOIN_SECONDS": "1", **values}
        return ["env", *(f"{name}={value}" for name, value in env.items()), *words]

    def within(self, *argv: object) -> list[str]:
        """The command in the namespaces of its container."""
        return ["nsenter", f"--target={self.pid}", *_SPACES, "--root", "--wd", *map(str, argv)]


@dataclass
class Pods:
    """Those of all StatefulSets; `addresses` are the present ones."""

    folder: Path
    rack: int
    pods: dict[str, Pod] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)
    job: Mapping[str, Any] = field(default_factory=dict)

    def start(self, addresses: Mapping[str, str], *, joins: bool = True) -> None:
        """Pods at these addresses, which their names have from now on."""
        self.addresses |= addresses
        lines = [f"{address} {name}.redis-project\n" for name, address in self.addresses.items()]
        (self.folder / "hosts").write_text("127.0.0.1 localhost\n" + "".join(lines))
        for name, address in addresses.items():
            self._begin(self.pods[name], address)
        for name in addresses:
            outer = self.pods[name].outer
            assert outer
            assert outer.stdin
            outer.stdin.write("\n")
            outer.stdin.flush()
            if joins:
                self._beside(self.pods[name], "join")

    def _begin(self, pod: Pod, address: str) -> None:
        pod.outer = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *self._net(),
             "unshare", *_SPACES, "--kill-child=KILL", "--fork",
             "sh", "-c", _POD, "sh", pod.folder, address, *pod.argv("redis", address)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert pod.outer.stdout
        assert pod.outer.stdout.readline() == "ready\n", pod.name
        (child,) = psutil.Process(pod.outer.pid).children()
        pod.pid = child.pid
        cable = f"pod{pod.pid}"
        for words in (
            f"link add {cable} type veth peer name eth0 netns {pod.pid}",
            f"link set {cable} master pods up",
        ):
            subprocess.run([*self._net(), "ip", *words.split()], check=True, timeout=30)

    def _net(self) -> list[str]:
        return ["nsenter", f"--target={self.rack}", "--net"]

    def _beside(self, pod: Pod, container: str) -> None:
        """Started in the pod's namespaces, and ended with them."""
        argv = pod.argv(container, self.addresses[pod.name])
        until(lambda: Path(f"/proc/{pod.pid}/root").readlink() != Path("/"), what=pod.name)
        with (pod.folder / f"{container}.log").open("a") as log:
            begun = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *_in(pod, container, argv)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        pod.beside.append(begun)

    def stop(self, *names: str) -> None:
        """These pods, or all, ended as Kubernetes ends them."""
        ended = [self.pods[name] for name in names or self.pods if self.pods[name].outer]
        for pod in ended:
            os.kill(pod.pid, signal.SIGTERM)
        for pod in ended:
            cable = f"pod{pod.pid}"
            pod.await_end()
            # it goes with the namespace, soon: until then its address is there twice
            gone = [*self._net(), "ip", "link", "delete", cable]
            subprocess.run(gone, capture_output=True, timeout=30, check=False)

    def form(self) -> "subprocess.CompletedProcess[str]":
        """The Job ran, in the network of the first pod."""
        pod = next(iter(self.pods.values()))
        (container,) = self.job["spec"]["template"]["spec"]["containers"]
        env = [f"{name}={value}" for name, value in _ENVIRONMENT.items()]
        argv = ["env", *env, *container["command"]]
        return subprocess.run(
            _in(pod, "form", argv), capture_output=True, text=True, timeout=90, check=False
        )

    def cli(self, pod: str, *words: object) -> str:
        """What Redis's own client prints in a pod."""
        secret = self.pods[pod].folder / "redis" / "password"
        env = {**os.environ, **_ENVIRONMENT, "REDISCLI_AUTH": secret.read_text()}
        argv = self.pods[pod].within("redis-cli", *words)
        done = subprocess.run(
            argv, env=env, capture_output=True, text=True, timeout=20, check=False
        )
        return done.stdout.strip()

    def states(self) -> str:
        """What each node knows, and the last lines of its log."""
        return "\n".join(
            f"{name}:\n{self.cli(name, 'CLUSTER', 'NODES')}\n"
            + "\n".join((pod.folder / "log").read_text().splitlines()[-8:])
            for name, pod in self.pods.items()
        )


def _in(pod: Pod, container: str, argv: Iterable[str]) -> list[str]:

    secrets = f"/export/{container}.secrets"
    return pod.within("unshare", "--mount", "sh", "-c", _BESIDE, secrets, *argv)


@contextmanager
def pods_of(manifests: Path, folder: Path) -> Iterator[Pods]:
    """The pods of an export, none of which was started; none is left after the block."""
    rack = subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "sh", "-c", _NETWORK],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert rack.stdout
        assert rack.stdout.readline() == "ready\n"
        made = Pods(folder, rack.pid)
        _read(made, manifests)
        try:
            yield made
        finally:
            for pod in made.pods.values():
                if pod.outer:
                    os.kill(pod.pid, signal.SIGKILL)
                    pod.await_end()
    finally:
        rack.kill()
        rack.communicate(timeout=30)


def _read(made: Pods, manifests: Path) -> None:
    """Fill it from the files that kubectl applies."""
    named: dict[tuple[str, str], Any] = {}
    for path in manifests.glob("*.yaml"):
        objects = [one for one in yaml.safe_load_all(path.read_text()) if one]
        named |= {(one["kind"], one.get("metadata", {}).get("name", "")): one for one in objects}
    made.job = next((one for (kind, _), one in named.items() if kind == "Job"), {})
    for (kind, _), one in named.items():
        if kind != "StatefulSet":
            continue
        spec = one["spec"]["template"]["spec"]
        for index in range(one["spec"]["replicas"]):
            name = f"{one['metadata']['name']}-{index}"
            made.pods[name] = Pod(name, spec, made.folder / name)
            _files(made.pods[name], named, made.job)


def _files(pod: Pod, named: Mapping[tuple[str, str], Any], job: Mapping[str, Any]) -> None:
    for name in ("root", "data", "export", "redis"):
        (pod.folder / name).mkdir(parents=True)
    forms = job["spec"]["template"]["spec"]["containers"] if job else []
    volumes = {one["name"]: one for one in pod.spec["volumes"]}
    scripts = named["ConfigMap", volumes["scripts"]["configMap"]["name"]]["data"]
    for name, text in scripts.items():
        (pod.folder / "export" / name).write_text(text)
    secrets = named["Secret", volumes["secrets"]["secret"]["secretName"]]["data"]
    for container in (*pod.spec["containers"], *forms):
        # those of the other containers are below a folder that the pod sees
        own = container["name"] == "redis"
        folder = pod.folder / ("redis" if own else f"export/{container['name']}.secrets")
        folder.mkdir(exist_ok=True)
        for mount in container["volumeMounts"]:
            if mount["name"] == "secrets":
                key = mount.get("subPath") or mount["subPathExpr"].replace("$(POD_NAME)", pod.name)
                path = folder / Path(mount["mountPath"]).name
                path.write_bytes(b64decode(secrets[key]))
