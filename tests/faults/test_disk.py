"""A disk that is full, or read-only: a small one, mounted where nobody else sees it."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from support.apart import apart
from support.engines import BUNDLED, PACKAGED
from support.forked import FORKER
from support.project import Project

from redistopo.host.all_processes import all_processes


@pytest.fixture
def disk(
    project: Project, tmp_path: Path
) -> Iterator[Callable[[str], subprocess.CompletedProcess[str]]]:
    """Runs a script in a mount namespace of its own, with the project on a small tmpfs."""

    def run(script: str) -> subprocess.CompletedProcess[str]:
        words = f"mount -t tmpfs -o size=3m tmpfs {project.root} && cd {project.root} && {script}"
        env = {"R": str(FORKER.put_into(tmp_path)), "PORT": str(project.port), "CLI": BUNDLED.cli}
        return apart(project, "--mount", "bash", "-c", words, env=env, seconds=90)

    yield run
    for process in all_processes():
        try:
            words = process.cmdline()
        except psutil.Error:
            continue
        if words and f"127.0.0.1:{project.port}" in words[0]:
            process.kill()


_WRITERS = (
    "snapshot one", "clone new/clone", "restore zero --into new/restored", "render --out new/conf",
    "export systemd new/export", "init standalone -C new/topology",
)  # fmt: skip


@pytest.mark.fault(
    "the disk fills up while a server writes its append-only file",
    "`up` and `verify` report that the disk is full; once there is space, `up` finishes "
    "healthy with the acknowledged data; what else is written is there as a whole, or not at all",
)
def test_a_disk_that_fills_up_under_a_server(
    project: Project, disk: Callable[[str], subprocess.CompletedProcess[str]]
) -> None:
    done = disk(
        f"""$R init standalone --port $PORT --engine {BUNDLED.path} -q && $R up -q || exit 50
        export REDISCLI_AUTH=$(cat .redistopo/password)
        $CLI -p $PORT set kept yes
        $R snapshot zero -q --no-verify
        dd if=/dev/zero of=fill bs=1k 2>/dev/null
        for n in $(seq 400); do
            $CLI -p $PORT set big$n $(printf %04000d $n) | grep -q MISCONF && break
        done
        $R up --timeout 3s; echo "full: $?"
        for words in {" ".join(f"'{one}'" for one in _WRITERS)}; do
            $R $words -q 2>&1 | grep "Next: the disk is full"
        done
        echo "left: $(echo new* snapshots/* snapshots/.g*)"
        rm fill
        $R up; echo "healed: $?"
        echo "kept: $($CLI -p $PORT get kept)"
        $R down -q; $R up -q; echo "again: $($CLI -p $PORT get kept)"
        $R down"""
    )
    assert "full: 4" in done.stdout, done
    assert "left: new* snapshots/zero snapshots/.gitignore\n" in done.stdout, done
    assert done.stdout.count("Next: the disk is full: free some space") == len(_WRITERS), done
    assert "disk is full" in done.stderr
    for line in ("healed: 0", "kept: yes", "again: yes", "1 server stopped"):
        assert line in done.stdout, done
    assert "Traceback" not in done.stderr


@pytest.mark.fault(
    "the disk is full when a cluster is to be stopped",
    "a server that can't write its append-only file is left running and named; every acknowledged "
    "key is there once there is space and `down` and `up` have been repeated",
)
def test_down_on_a_full_disk(
    project: Project, disk: Callable[[str], subprocess.CompletedProcess[str]]
) -> None:
    done = disk(
        f"""$R init cluster --port $PORT --engine {BUNDLED.path} --node-timeout 30000 -q || exit 50
        $R up -q || exit 51
        export REDISCLI_AUTH=$(cat .redistopo/password)
        dd if=/dev/zero of=fill bs=1k 2>/dev/null
        full=0; sum=0
        for n in $(seq 3000); do
            said=$($CLI -c -p $PORT set key$n $(printf %02000d $n) 2>&1)
            case "$said" in
                *OK*) sum=$((sum+1));;
                *MISCONF*) full=$((full+1)); [ $full -gt 20 ] && break;;
            esac
        done
        echo "written: $sum"
        SECONDS=0; $R down --timeout 20s; echo "full: $? after $((SECONDS < 15))"
        rm fill
        $R down -q; echo "down: $?"
        # a server that met the full disk while it rewrote its log may have damaged that: what
        # up says is to be typed then is typed
        for n in $(seq 7); do
            said=$($R up 2>&1) && break
            eval "$(echo "$said" | sed -n 's/.*Next: \\(mv [^;]*\\);.*/\\1/p')"
        done; echo "healed: $?"
        sizes=0
        for port in $(seq $PORT $((PORT+5))); do
            [ "$($CLI -p $port role | head -1)" = master ] &&
                sizes=$((sizes + $($CLI -p $port dbsize)))
        done
        echo "kept: $sizes"; $R down"""
    )
    written = int(done.stdout.partition("written: ")[2].split()[0])
    assert written > 0, done
    assert "full: 1 after 1" in done.stdout, done
    assert "can't save, and still run" in done.stderr
    assert "healed: 0" in done.stdout, done
    assert f"kept: {written}" in done.stdout, done
    assert "Traceback" not in done.stderr


@pytest.mark.fault(
    "the disk is full when redistopo writes its state",
    "one clear error (exit 4) that names the file, nothing is left running; once there is "
    "space, `up` finishes healthy with the data",
)
def test_a_full_disk_under_our_record(
    project: Project, disk: Callable[[str], subprocess.CompletedProcess[str]]
) -> None:
    done = disk(
        f"""$R init replication --replicas 1 --port $PORT --engine {BUNDLED.path} -q && $R up -q
        export REDISCLI_AUTH=$(cat .redistopo/password)
        $CLI -p $PORT set kept yes; $R down -q
        dd if=/dev/zero of=fill bs=1k 2>/dev/null
        rm .redistopo/record.json; dd if=/dev/zero of=fill2 bs=1k 2>/dev/null
        $R up; echo "full: $?"; $R down
        rm fill fill2
        $R up -q; echo "healed: $?"; echo "kept: $($CLI -p $PORT get kept)"; $R down"""
    )
    assert "full: 4" in done.stdout, done
    assert "can't write" in done.stderr
    for line in ("Nothing was running", "healed: 0", "kept: yes", "2 servers stopped"):
        assert line in done.stdout, done
    assert "Traceback" not in done.stderr


@pytest.mark.fault(
    "the project's folder is read-only",
    "`up` reports it (exit 4) and starts nothing; status, plan and verify still work",
)
def test_a_read_only_folder(
    project: Project, disk: Callable[[str], subprocess.CompletedProcess[str]]
) -> None:
    done = disk(
        f"""$R init replication --replicas 1 --port $PORT --engine {BUNDLED.path} -q && $R up -q
        $R down -q; mount -o remount,ro . ; cd .
        for verb in up plan status; do $R $verb >/dev/null; echo "$verb: $?"; done
        $R verify --timeout 1s; echo "verify: $?"
        mount -o remount,rw .; $R up -q; echo "healed: $?"; $R down
        mount --bind .redistopo .redistopo; mount -o remount,bind,ro .redistopo; $R up -q"""
    )
    wanted = ("up: 4", "plan: 0", "status: 0", "verify: 3", "healed: 0", "2 servers stopped")
    for line in wanted:
        assert line in done.stdout, done
    for folder in (project.root, project.root / ".redistopo"):
        assert f"read-only; make it writable: mount -o remount,rw {folder};" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.fault(
    "the disk is full when a topology is to be upgraded, or nodes are to be restarted",
    "no node is stopped, since it could not start again, and the topology file is unchanged",
)
def test_an_upgrade_on_a_full_disk(
    project: Project, disk: Callable[[str], subprocess.CompletedProcess[str]]
) -> None:
    done = disk(
        f"""$R init standalone --port $PORT --engine {PACKAGED.path} -q && $R up -q || exit 50
        export REDISCLI_AUTH=$(cat .redistopo/password)
        $CLI -p $PORT set kept $(head -c 60000 /dev/urandom | base64 -w 0) >/dev/null
        before=$($CLI -p $PORT info server | grep process_id)
        dd if=/dev/zero of=fill bs=1k 2>/dev/null
        $R upgrade --engine "valkey 9.1" --force 2>told; echo "full: $?"
        $R restart node1 2>restart; echo "restart: $?"
        $R restart --rolling --force 2>rolling; echo "rolling: $?"
        rm fill; cat told restart
        [ "$before" = "$($CLI -p $PORT info server | grep process_id)" ] && echo "runs on"
        grep engine redistopo.toml
        $R upgrade --engine "valkey 9.1" --force >/dev/null; echo "then: $?"
        echo "length: $($CLI -p $PORT strlen kept)"
        $R down"""
    )
    assert "full: 0" not in done.stdout, done
    assert "restart: 4\nrolling: 4\n" in done.stdout, done
    assert "runs on" in done.stdout, done
    assert f'engine = "{PACKAGED.path}"' in done.stdout, done
    assert "then: 0" in done.stdout, done
    assert "length: 80000" in done.stdout, done


def test_a_snapshot_without_room_is_refused_and_leaves_nothing(
    project: Project, disk: Callable[[str], subprocess.CompletedProcess[str]]
) -> None:
    done = disk(
        f"""$R init standalone --port $PORT --engine {BUNDLED.path} -q && $R up -q || exit 50
        export REDISCLI_AUTH=$(cat .redistopo/password)
        $CLI -p $PORT setrange big 1500000 x > /dev/null
        dd if=/dev/zero of=fill bs=1k count=1900 2>/dev/null
        $R snapshot one; echo "full: $?"
        ls -A snapshots
        rm fill
        $R snapshot one -q; echo "room: $?"
        $R down -q"""
    )
    assert "too little room" in done.stderr, done
    assert "full: 4" in done.stdout, done
    assert done.stdout.partition("full: 4\n")[2].split() == ["room:", "0"]


def test_a_disk_that_fills_up_during_a_snapshot(
    project: Project, disk: Callable[[str], subprocess.CompletedProcess[str]]
) -> None:
    """The save fails and is named; nothing is left of it, and the server goes on."""
    done = disk(
        f"""$R init standalone --port $PORT --engine {BUNDLED.path} -q && $R up -q || exit 50
        export REDISCLI_AUTH=$(cat .redistopo/password)
        big="for n = 1, 100 do redis.call('SET', n, string.rep(n .. math.random(), 100)) end"
        $CLI -p $PORT eval "$big" 0
        $CLI -p $PORT config set rdb-key-save-delay 5000
        (until ls .redistopo/nodes/node1/temp-*.rdb; do sleep 0.01; done
         dd if=/dev/zero of=fill bs=1k) >/dev/null 2>&1 &
        $R snapshot one; echo "full: $?"
        wait; rm fill; ls -A snapshots .redistopo/nodes/node1 | grep -e rdb -e partial -e one
        $CLI -p $PORT config set rdb-key-save-delay 0
        $CLI -p $PORT set kept yes; $R verify -q; echo "healthy: $?"
        $R snapshot one -q; echo "room: $?"
        $R down -q"""
    )
    assert "node1 could not save its data" in done.stderr, done
    assert "No space left on device" in done.stderr
    assert "Next: the disk is full: free some space" in done.stderr
    told = "full: 4 OK OK healthy: 0 room: 0"
    assert " ".join(done.stdout.split()).endswith(told), done  # and no file between them


def test_slots_on_a_full_disk_are_not_moved(
    project: Project, disk: Callable[[str], subprocess.CompletedProcess[str]]
) -> None:
    """Nodes write their tables as slots move; one that can't exits, with half a table."""
    done = disk(
        f"""$R init cluster --port $PORT --shards 2 --replicas 0 --engine {BUNDLED.path} -q
        $R up -q || exit 50
        dd if=/dev/zero of=fill bs=1k 2>/dev/null; truncate -s -12k fill
        $R move-slots 0-99 --to shard:2; echo "full: $?"
        rm fill
        $R status -q; $R move-slots 0-99 --to shard:2 -q; echo "room: $?"
        $R down -q"""
    )
    assert "this machine has too little disk: nothing was moved" in done.stderr, done
    assert "full: 4\nroom: 0\n" in done.stdout, done
