"""The password of an Ansible vault, which each run of Ansible needs, and no other program."""

import os
from pathlib import Path

from redistopo.errors import RedistopoError, VaultLocked
from redistopo.host.run_program import VAULT_VARIABLE


def vault_settings(folder: Path) -> dict[str, str]:
    """Write the password to a run's private folder, and return the setting that names the file;
    none if there is no password: then the user's own settings count."""
    password = os.environ.get(VAULT_VARIABLE, "")
    if not password:
        return {}
    path = folder / "vault"
    path.touch(mode=0o600)
    path.write_text(password + "\n", encoding="utf-8")
    return {"ANSIBLE_VAULT_PASSWORD_FILE": str(path)}


def use_vault_password(password: str) -> None:
    """Use a password that the user typed, in this process."""
    os.environ[VAULT_VARIABLE] = password


def ansible_error(message: str, why: str, hint: str) -> RedistopoError:
    """Return the error of an Ansible that failed: VaultLocked if it lacks a vault's password."""
    if "vault" not in why.lower():
        return RedistopoError(message, detail=why, hint=hint)
    return VaultLocked(
        message,
        detail=why,
        hint=f"type the vault's password at the question on a terminal, or set {VAULT_VARIABLE} to "
        "it, or ANSIBLE_VAULT_PASSWORD_FILE to a file with it",
    )
