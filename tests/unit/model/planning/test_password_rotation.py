"""New passwords for old: at no step is anything refused that a file still says."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redistopo.model.planning.password_rotation import (
    PasswordRotation,
    directives,
    dropping,
    keeping,
    rotated,
    taking,
)
from redistopo.model.protocol.conf import read_conf, with_hashes, with_values
from redistopo.model.protocol.credentials import Credentials, Login, granted, single_credential

ONE = PasswordRotation(passwords={"default": "new"}, previous="0ld")
THREE = PasswordRotation(passwords={"default": "new", "replication": "copy", "admin": "all"})
PASSWORD = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1)


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def test_the_new_password_comes_beside_the_old_one() -> None:
    assert taking(ONE) == (("ACL", "SETUSER", "default", f"#{_hash('new')}"),)
    assert not any("reset" in word for command in taking(THREE) for word in command)


def test_the_old_one_goes_even_where_requirepass_says_the_new_one_already() -> None:
    assert dropping(ONE)[-1] == ("ACL", "SETUSER", "default", "resetpass", f"#{_hash('new')}")
    assert [command[2] for command in dropping(THREE)] == ["default", "replication", "admin"]


def test_the_old_one_is_added_again_right_after_it_goes() -> None:
    said = keeping(ONE)
    assert said[:-1] == dropping(ONE)
    assert said[-1] == ("ACL", "SETUSER", "default", "#0ld")
    # with users nothing says the password but the users themselves
    assert keeping(THREE) == ()


def test_replicas_present_their_own_users_password() -> None:
    assert directives(ONE) == {"masterauth": "new", "requirepass": "new"}
    assert directives(THREE) == {"masterauth": "copy"}


def test_rotated_keys_open_with_the_new_passwords() -> None:
    assert rotated(single_credential(Login(password="old")), ONE).own.password == "new"
    users = Credentials(
        own=Login(user="admin", password="a"),
        application=None,
        replication=Login(user="replication", password="r"),
    )
    turned = rotated(users, THREE)
    assert (turned.own.user, turned.own.password) == ("admin", "all")
    assert turned.application is not None
    assert turned.application.password == "new"


def test_no_password_is_in_a_representation() -> None:
    assert "new" not in repr(ONE)
    assert "hunter2" not in repr(single_credential(Login(password="hunter2")))


@given(PASSWORD, PASSWORD)
def test_a_configuration_gets_any_other_password(old: str, new: str) -> None:
    text = with_values("# requirepass\nport 7000\nrequirepass x\nmasterauth y\n", directives(
        PasswordRotation(passwords={"default": old})
    ))  # fmt: skip
    turned = read_conf(with_values(text, directives(PasswordRotation(passwords={"default": new}))))
    assert turned == {"port": ("7000",), "requirepass": (new,), "masterauth": (new,)}


def test_users_get_other_hashes_and_keep_their_rules() -> None:
    text = "user default on #aa ~* &* +@all\nuser other on >plain +get\n"
    assert with_hashes(text, {"default": "bb"}) == (
        "user default on #bb ~* &* +@all\nuser other on >plain +get\n"
    )


@pytest.mark.parametrize(
    ("rights", "may"),
    [
        ("+@all -@admin", False),
        ("+@all", True),
        ("-@all +config", True),
        ("+@all -@admin +config", True),
        ("+config -@all", False),
        ("+@read", False),
    ],
)
def test_the_last_rule_that_fits_counts(rights: str, may: bool) -> None:
    assert granted(rights, "@all", "@admin", "config") is may
