"""A conversation with Ansible: one process serves run after run, on this machine without SSH."""

import socket
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil
import pytest
from support.waiting import until

from redistopo.errors import RedistopoError, VaultLocked
from redistopo.host.fleet import conversation, ssh_probe
from redistopo.host.fleet.conversation import Ansible, Conversation
from redistopo.model.topology.hosts import Hosts, Machine

pytest.importorskip("ansible", reason="several hosts need Ansible: pip install 'redistopo[hosts]'")

_NAMES = ("h1", "h2")
_HOSTS = Hosts(
    machines=tuple(
        Machine(name=name, address=f"127.0.0.{at}", ssh="local")
        for at, name in enumerate(_NAMES, 2)
    )
)
_VAULT = """\
$ANSIBLE_VAULT;1.1;AES256
31623730383736643734666333326535356165383738353938633462316435373933393961643930
6436366338353538323234313565396430636261346335310a656364653837666662306234643865
66616461303663383635356661323634373765353364316133326263376662353432343138663535
3633303665303239380a303730376266616537626431313066333439356431386466383436646135
61363630356436313237643362383930386135353736333632353764643733663363
"""
_FACTS = {"op": "facts", "engine": "redis-server"}


def _ansible() -> list[psutil.Process]:
    """Our own Ansible, and its workers."""
    shells = [one for one in psutil.Process().children() if one.status() != psutil.STATUS_ZOMBIE]
    found = [one for one in shells if any("redistopo-hosts." in word for word in one.cmdline())]
    return [ansible for shell in found for ansible in shell.children(recursive=True)]


@pytest.fixture
def talk() -> Iterator[Conversation]:
    made = Conversation(_HOSTS, _NAMES)
    yield made
    left = _ansible()
    made.end()
    until(
        lambda: not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in left)
    )


def test_one_ansible_serves_run_after_run_until_a_worker_ends(
    talk: Conversation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / 'it\'s "$HOME" {{ 7*7 }} é'
    write = {"op": "write", "path": str(path), "text": "{{ no }} template\n"}
    found = talk.ask({"h1": [_FACTS, write], "h2": [_FACTS]}, 30)
    assert [len(found[name].results) for name in _NAMES] == [2, 1]
    assert path.read_text() == write["text"]
    running = {one.pid for one in _ansible()}
    gone = {"op": "write", "path": str(tmp_path / "absent" / "x" / "\0"), "text": ""}
    again = talk.ask({"h2": [gone]}, 30)
    assert list(again) == ["h2"]
    assert again["h2"].failed or "refused" in again["h2"].results[0]
    assert {one.pid for one in _ansible()} >= running
    # a machine that takes longer than the others is named
    told: list[tuple[Sequence[str], Sequence[str]]] = []
    talk.waiting = lambda left, done: told.append((left, done))
    monkeypatch.setattr(conversation, "_SLOW_SECONDS", 0.1)
    slow = {"op": "try", "argv": ["sleep", "2"], "text": "", "needs": []}
    found = talk.ask({"h1": [slow], "h2": [_FACTS]}, 30)
    assert told == [(["h1"], ["h2"])]
    assert found["h1"].results == ({"printed": "", "missing": []},)
    assert talk.serves(_HOSTS, ["h1"])
    assert not talk.serves(_HOSTS, ["h3"])
    # a worker that is killed is reported, and the conversation is over
    _main, worker, *_rest = _ansible()
    worker.kill()
    found = talk.ask({name: [_FACTS] for name in _NAMES}, 30)
    assert any(one.failed or one.unreachable for one in found.values())
    assert not talk.serves(_HOSTS, _NAMES)


def test_a_machine_whose_ssh_server_does_not_reply_is_given_up_before_ansible_has_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its kernel accepts connections; by an inventory, Ansible says first how it is reached."""
    monkeypatch.setattr(ssh_probe, "PROBE_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        frozen = Machine(name="h3", address="127.0.0.4", ssh="127.0.0.1", port=port)
        made = Conversation(Hosts(machines=(*_HOSTS.machines, frozen)), (*_NAMES, "h3"))
        try:
            ops = {name: [_FACTS] for name in (*_NAMES, "h3")}
            found = made.ask(ops, 30, required=["h3"])
            assert found.keys() == {"h3"}
            assert (
                f"connected to 127.0.0.1 port {port}, but no SSH server" in found["h3"].unreachable
            )
            # what is of no use without it is not awaited; the others are
            found = made.ask(ops, 30)
            assert found["h3"].unreachable
            assert all(found[name].results for name in _NAMES)
            # its worker still waits for SSH: what it replies is not taken for something else
            found = made.ask({name: [_FACTS] for name in _NAMES}, 30)
            assert all(found[name].results for name in _NAMES)
        finally:
            made.end()


def test_an_ansible_that_can_not_run_says_why(tmp_path: Path) -> None:
    inventory = tmp_path / "hosts.yml"
    inventory.write_text("all: [no, inventory")
    hosts = Hosts(inventory=str(inventory), group="all")
    made = Conversation(hosts, ["h1"])
    with pytest.raises(RedistopoError, match="could not run") as raised:
        made.ask({"h1": [_FACTS]}, 30)
    assert "h1" in raised.value.detail or "hosts.yml" in raised.value.detail


def test_an_ansible_without_the_password_of_a_vault_is_told_apart(tmp_path: Path) -> None:
    inventory = tmp_path / "hosts.ini"
    inventory.write_text("h1 ansible_connection=local\n")
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars" / "all.yml").write_text(_VAULT)
    ansible = Ansible()
    hosts = Hosts(inventory=str(inventory), group="all")
    with pytest.raises(VaultLocked) as raised:
        ansible.run(hosts, {"h1": [_FACTS]}, 30)
    assert "REDISTOPO_VAULT_PASSWORD" in raised.value.hint
    # each silent node asks for its host: they are refused by the first one's Ansible
    began = time.monotonic()
    with pytest.raises(VaultLocked) as again:
        ansible.run(hosts, {"h1": [_FACTS]}, 30)
    assert again.value is raised.value
    assert time.monotonic() - began < 0.1  # no Ansible starts in that
