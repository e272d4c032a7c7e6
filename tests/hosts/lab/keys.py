"""SSH between the controller and the hosts: keys, what is known of hosts, and the daemon's file."""

import shutil
import subprocess
from pathlib import Path

OPERATOR = "operator"
"""A user of every host without any right there."""

_DAEMON = """\
HostKey /etc/ssh/lab_host_key
AuthorizedKeysFile /etc/ssh/lab_authorized_keys
PidFile /run/sshd.pid
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
MaxStartups 100
Subsystem sftp internal-sftp
"""

_CLIENT = """\
IdentityFile {folder}/id
IdentitiesOnly yes
UserKnownHostsFile {folder}/known_hosts
GlobalKnownHostsFile /dev/null
StrictHostKeyChecking yes
"""


class Keys:
    """The controller's side, in a folder: `id`, `known_hosts`, `config`, and `bin` with an ssh,
    an scp and an sftp that read that configuration instead of the user's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _generate(folder / "id")
        (folder / "config").write_text(_CLIENT.format(folder=folder))
        (folder / "known_hosts").touch()
        self.bin = folder / "bin"
        self.bin.mkdir()
        for name in ("ssh", "scp", "sftp"):
            script = self.bin / name
            script.write_text(f'#!/bin/sh\nexec {shutil.which(name)} -F {folder}/config "$@"\n')
            script.chmod(0o755)

    def install(self, etc: Path, address: str) -> None:
        """The host whose /etc that is has a key of its own, which the controller knows."""
        ssh = etc / "ssh"
        ssh.mkdir(parents=True, exist_ok=True)
        (ssh / "lab_config").write_text(_DAEMON)
        (ssh / "lab_authorized_keys").write_text((self.folder / "id.pub").read_text())
        self.change(etc)
        kind, key, *_ = (ssh / "lab_host_key.pub").read_text().split()
        with (self.folder / "known_hosts").open("a") as known:
            known.write(f"{address} {kind} {key}\n")
        # root's shell here may read a file that changes PATH
        _, *users = Path("/etc/passwd").read_text().splitlines()
        both = ["root:x:0:0::/root:/bin/sh", f"{OPERATOR}:x:65123:65534::/home/{OPERATOR}:/bin/sh"]
        (etc / "passwd").write_text("\n".join([*both, *users, ""]))

    def change(self, etc: Path) -> None:
        """That host has a new key, which nobody knows."""
        for name in ("lab_host_key", "lab_host_key.pub"):
            (etc / "ssh" / name).unlink(missing_ok=True)
        _generate(etc / "ssh" / "lab_host_key")


def _generate(path: Path) -> None:
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", path],
        check=True, timeout=30,
    )  # fmt: skip
