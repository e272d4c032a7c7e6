"""`secret show` and `secret rotate`: the passwords, shown or changed."""

from dataclasses import field, replace
from pathlib import Path

from redistopo.client.connection import try_ping
from redistopo.client.target import Detail
from redistopo.errors import ExitCode, RedistopoError, UsageError
from redistopo.execute.rotate_passwords import carry_over
from redistopo.model.planning.password_rotation import PasswordRotation, acl_password_hash
from redistopo.model.protocol.credentials import Credentials, TopologyUser
from redistopo.model.remedies.of_topology import rotate_passwords
from redistopo.model.state.finding import Finding, Status, failed_findings
from redistopo.progress import Progress, note, step
from redistopo.project.passwords import load_password, new_password, password_source
from redistopo.project.started_topology import live_targets, running_nodes
from redistopo.quick_dataclass import dataclass
from redistopo.session.health import wait_until_healthy, with_write_probe
from redistopo.session.local_preconditions import refuse_changed_security
from redistopo.session.open import open_session
from redistopo.session.preview_result import Preview
from redistopo.session.session import CredentialSource, Session, SessionRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretResult:
    """A user's password, to be printed."""

    user: str
    password: str
    code: ExitCode = field(default=ExitCode.DONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class RotateResult:
    """Users whose password was changed, and the number of running servers; `kept_old` as requested.
    `finished` means that no new one was generated, but an earlier rotation was completed.

    `findings` are those of a full `verify` with the new passwords, and a test that the old one
    is refused; empty if nothing runs.
    """

    users: tuple[str, ...]
    servers: int
    kept_old: bool
    finished: bool
    findings: tuple[Finding, ...]

    @property
    def code(self) -> ExitCode:
        return ExitCode.FAULT if failed_findings(self.findings) else ExitCode.DONE


def show(root: Path, user: str) -> SecretResult:
    """Return the password of a user; raises UsageError if there is none."""
    own = SessionRequest(root=root, credentials=CredentialSource.FILE, needs_started=False)
    with open_session(own) as session:
        return _password(session, user)


def _password(session: Session, user: str) -> SecretResult:
    credentials = session.credentials
    known = {
        TopologyUser.APPLICATION: credentials.application,
        TopologyUser.REPLICATION: credentials.replication,
        TopologyUser.ADMIN: credentials.own if credentials.acl else None,
        TopologyUser.SENTINEL: credentials.sentinel,
    }
    access = known[TopologyUser(user)]
    if not session.topology.auth:
        raise UsageError("auth = false in the topology file: there is no password")
    if access is None:
        raise UsageError(
            f"there is no user {user}",
            hint='shape = "sentinel" has one'
            if user == TopologyUser.SENTINEL
            else "acl = true in the topology file brings users along",
        )
    refuse_changed_security(session)
    if not access.password:
        raise UsageError("no password was made yet", hint="redistopo up makes one")
    return SecretResult(user=user, password=access.password)


def rotate(root: Path, progress: Progress, *, keep_old: bool, seconds: float) -> RotateResult:
    """Change the password of every user, on every server and in every file, and verify it.

    No connection is closed, and none is refused: until the end both passwords work, and with
    `keep_old` also afterwards, until `rotate` is run again. Raises RedistopoError.
    """
    asked = SessionRequest(
        root=root,
        lock="secret rotate",
        seconds=seconds,
        credentials=CredentialSource.APPLICATION,
        needs_started=False,
    )
    with open_session(asked, progress) as session:
        _refuse(session)
        layout, old = session.layout, session.credentials
        finished = session.rotation is not None
        rotation = _rotation(session, old, keep_old=keep_old)
        if session.topology.sentinels:
            note(
                session.progress,
                "the Sentinels' own password, by which they know each other, stays as it is",
            )
        carry_over(session.context(session.plan(assume=True)), session.rendered, rotation)
        session.refresh()  # from here on with what the files hold now
        running = len(running_nodes(layout, session.host))
        findings: tuple[Finding, ...] = ()
        if running:
            with step(session.progress, "prove it"):
                findings = _proven(session, old, keep_old=keep_old)
    return RotateResult(
        users=tuple(rotation.passwords),
        servers=running,
        kept_old=keep_old,
        finished=finished,
        findings=findings,
    )


def preview_rotate(root: Path, *, keep_old: bool) -> Preview:
    """Determine the effects of `rotate`; nothing is changed."""
    asked = SessionRequest(
        root=root,
        verb="secret rotate",
        credentials=CredentialSource.APPLICATION,
        needs_started=False,
    )
    with open_session(asked) as session:
        _refuse(session)
        names = running_nodes(session.layout, session.host)
    lost = "clients that have only the old password are refused at their next login: --keep-old"
    return Preview(
        verb="secret rotate",
        nodes=names,
        losses=() if keep_old or not names else (f"{lost} accepts both",),
    )


def _refuse(session: Session) -> None:
    if not session.topology.auth:
        raise UsageError(
            "auth = false in the topology file: there is no password to change",
            hint="set auth = true, then redistopo down; redistopo up",
        )
    if not session.rendered:
        raise RedistopoError(
            "there is no password to change: nothing was started here yet",
            hint="redistopo up makes the first one",
        )


def _rotation(session: Session, old: Credentials, *, keep_old: bool) -> PasswordRotation:
    """Return the new passwords: those of an interrupted rotation, the user's own, or generated
    ones."""
    layout, topology = session.layout, session.topology
    if session.rotation is not None:
        return replace(session.rotation, keep_old=keep_old)
    given = password_source(topology, layout)
    application = load_password(topology, layout) if given is not None else new_password()
    before = old.application.password if old.application else ""
    if given is not None and application == before and not old.acl:
        raise UsageError(
            f"{given} holds the password that is in use",
            hint=rotate_passwords("put the new one there first, then run "),
        )
    passwords = {TopologyUser.APPLICATION.value: application}
    if old.acl:
        passwords |= {
            user.value: new_password() for user in (TopologyUser.REPLICATION, TopologyUser.ADMIN)
        }
    return PasswordRotation(
        passwords=passwords,
        keep_old=keep_old,
        given=given is not None,
        previous=acl_password_hash(before) if before else "",
    )


def _proven(session: Session, old: Credentials, *, keep_old: bool) -> tuple[Finding, ...]:
    new, client = session.credentials, session.client
    verdict = wait_until_healthy(
        lambda: with_write_probe(session.observe(Detail.FULL), client),
        session.expected,
        session.deadline,
    )
    before = old.application or old.own
    if keep_old or before.password in ("", (new.application or new.own).password):
        return verdict.findings
    let_in = [
        target.name
        for target in live_targets(session.layout, session.rendered, session.host)
        if try_ping(target.endpoint, before) == "PONG"
    ]
    refused = Finding(
        check="secret.old",
        subject="topology",
        status=Status.FAIL if let_in else Status.OK,
        evidence=f"{', '.join(let_in)}: the old password still works"
        if let_in
        else "the old password is refused by every server",
        hint=rotate_passwords("run ", " again") if let_in else "",
    )
    return (*verdict.findings, refused)
