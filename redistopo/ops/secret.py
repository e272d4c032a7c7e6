"""`secret show` and `secret rotate`: the passwords, on purpose."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from redistopo.client.connection import Asker, knock
from redistopo.client.observe import Depth, look
from redistopo.errors import ExitCode, RedistopoError, WrongRequest
from redistopo.execute.rotate_passwords import carry_over
from redistopo.host.polling import Deadline
from redistopo.host.process import ours
from redistopo.model.planning.password_rotation import Rotation, hashed
from redistopo.model.protocol.credentials import Keys, User
from redistopo.model.state.finding import Finding, Status, failed
from redistopo.progress import Tell, note, step
from redistopo.project.load import Project, load
from redistopo.project.lock import locked
from redistopo.project.passwords import given_path, keys, new_password, password
from redistopo.project.rotation_file import pending_rotation
from redistopo.project.started import (
    configs,
    live_targets,
    refuse_other_locks,
    running_keys,
    running_targets,
)
from redistopo.session.health import settle, with_proof
from redistopo.session.situation import expected


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretResult:
    """A user's password, for whoever asked for it."""

    user: str
    password: str
    code: ExitCode = field(default=ExitCode.DONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class RotateResult:
    """Users whose password was changed, on how many running servers; `kept_old` as asked.
    `finished` says that no new one was made: a change begun earlier was brought to its end.

    `findings` are those of a whole `verify` with the new passwords, and that the old one is
    refused; empty where nothing runs.
    """

    users: tuple[str, ...]
    servers: int
    kept_old: bool
    finished: bool
    findings: tuple[Finding, ...]

    @property
    def code(self) -> ExitCode:
        return ExitCode.FAULT if failed(self.findings) else ExitCode.DONE


def show(root: Path, user: str) -> SecretResult:
    """The password of a user; raises WrongRequest where there is none."""
    project = load(root)
    held = keys(project.topology, project.layout)
    known = {
        User.APPLICATION: held.application,
        User.REPLICATION: held.replication,
        User.ADMIN: held.own if held.acl else None,
        User.SENTINEL: held.sentinel,
    }
    access = known[User(user)]
    if not project.topology.auth:
        raise WrongRequest("auth = false in the topology file: there is no password")
    if access is None:
        raise WrongRequest(
            f"there is no user {user}",
            hint='shape = "sentinel" has one'
            if user == User.SENTINEL
            else "acl = true in the topology file brings users along",
        )
    refuse_other_locks(project.topology, project.layout)
    if not access.password:
        raise WrongRequest("no password was made yet", hint="redistopo up makes one")
    return SecretResult(user=user, password=access.password)


def rotate(root: Path, tell: Tell, *, keep_old: bool, seconds: float) -> RotateResult:
    """Every user has a new password, on every server and in every file, and it is proven.

    No connection is closed, and none is refused: until the end both passwords work, and with
    `keep_old` also afterwards, until `rotate` is run again. Raises RedistopoError.
    """
    project = load(root)
    layout = project.layout
    if not project.topology.auth:
        raise WrongRequest(
            "auth = false in the topology file: there is no password to change",
            hint="set auth = true, then redistopo down and up",
        )
    deadline = Deadline(seconds)
    with locked(layout, "secret rotate", deadline, tell) as there:
        rendered = configs(layout) if there else {}
        if not rendered:
            raise RedistopoError(
                "there is no password to change: nothing was started here yet",
                hint="redistopo up makes the first one",
            )
        old = running_keys(layout, rendered, password(project.topology, layout))
        finished = pending_rotation(layout) is not None
        rotation = _rotation(project, old, keep_old=keep_old)
        if project.topology.sentinels:
            note(tell, "the Sentinels' own password, by which they know each other, stays as it is")
        new = carry_over(layout, old, rotation, tell)
        running = sum(ours(layout, name) is not None for name in rendered)
        findings: tuple[Finding, ...] = ()
        if running:
            with step(tell, "prove it"):
                findings = _proven(project, old, new, keep_old=keep_old, deadline=deadline)
    return RotateResult(
        users=tuple(rotation.passwords),
        servers=running,
        kept_old=keep_old,
        finished=finished,
        findings=findings,
    )


def _rotation(project: Project, old: Keys, *, keep_old: bool) -> Rotation:
    """What to change to: where a rotation begun earlier wanted to go, the user's own, or new."""
    layout, topology = project.layout, project.topology
    pending = pending_rotation(layout)
    if pending is not None:
        return replace(pending, keep_old=keep_old)
    given = given_path(topology, layout)
    application = password(topology, layout) if given is not None else new_password()
    before = old.application.password if old.application else ""
    if given is not None and application == before and not old.acl:
        raise WrongRequest(
            f"{given} holds the password that is in use",
            hint="put the new one there first, then run redistopo secret rotate",
        )
    passwords = {User.APPLICATION.value: application}
    if old.acl:
        passwords |= {user.value: new_password() for user in (User.REPLICATION, User.ADMIN)}
    return Rotation(
        passwords=passwords,
        keep_old=keep_old,
        given=given is not None,
        previous=hashed(before) if before else "",
    )


def _proven(
    project: Project, old: Keys, new: Keys, *, keep_old: bool, deadline: Deadline
) -> tuple[Finding, ...]:
    layout = project.layout
    rendered = configs(layout)
    paths = {name: str(layout.node(name).config) for name in rendered}
    targets = running_targets(layout, rendered)
    with Asker(new) as asker:
        verdict = settle(
            lambda: with_proof(look(project.topology.shape, targets, asker, Depth.FULL), asker),
            expected(project.topology, rendered, paths),
            deadline,
        )
    before = old.application or old.own
    if keep_old or before.password in ("", (new.application or new.own).password):
        return verdict.findings
    let_in = [
        target.name
        for target in live_targets(layout, rendered)
        if knock(target.host, target.port, before) == "PONG"
    ]
    refused = Finding(
        check="secret.old",
        subject="topology",
        status=Status.FAIL if let_in else Status.OK,
        evidence=f"{', '.join(let_in)}: the old password still works"
        if let_in
        else "the old password is refused by every server",
        hint="run redistopo secret rotate again" if let_in else "",
    )
    return (*verdict.findings, refused)
