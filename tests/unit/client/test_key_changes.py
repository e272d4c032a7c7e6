"""What a second pass over a source copies and deletes, against a model."""

from hypothesis import given
from hypothesis import strategies as st

from redistopo.client.key_changes import KeyChanges

keys = st.binary(max_size=2)
contents = st.dictionaries(st.tuples(st.integers(0, 1), keys), st.tuples(keys, st.booleans()))


@given(st.lists(contents, min_size=1, max_size=5))
def test_after_each_pass_the_copy_is_what_the_source_was(passes: list) -> None:
    changes, copy = KeyChanges(), {}
    for number, source in enumerate(passes):
        before = dict(copy)
        changes.begin_pass()
        for name, (payload, expires) in source.items():
            ends = 500.0 + 0.4 * (number % 2) if expires else 0.0
            if changes.differs(name, payload, ends):
                copy[name] = (payload, expires)
        changed = changes.changed
        for name in changes.end_pass():
            del copy[name]
        assert copy == source
        if number:
            assert changed == sum(before.get(name) != value for name, value in source.items())


def test_a_new_time_to_live_is_a_change() -> None:
    changes = KeyChanges()
    for ends, differs in ((100.0, True), (100.02, False), (200.0, True), (0.0, True)):
        changes.begin_pass()
        assert changes.differs((0, b"k"), b"v", ends) is differs
        changes.end_pass()


def test_a_key_that_comes_twice_in_a_pass_is_copied_once() -> None:
    changes = KeyChanges()
    changes.begin_pass()
    assert changes.differs((0, b"k"), b"v", 0.0)
    assert not changes.differs((0, b"k"), b"v", 0.0)
    assert changes.end_pass() == ()


def test_a_key_that_was_copied_between_passes_is_gone_unless_the_next_one_sees_it() -> None:
    changes = KeyChanges()
    changes.begin_pass()
    changes.end_pass()
    assert changes.differs((0, b"k"), b"v", 0.0)
    assert changes.differs((0, b"other"), b"v", 0.0)
    changes.begin_pass()
    assert not changes.differs((0, b"other"), b"v", 0.0)
    assert changes.end_pass() == ((0, b"k"),)
    assert changes.differs((0, b"k"), b"v", 0.0)


def test_a_key_is_forgotten_once() -> None:
    changes = KeyChanges()
    changes.begin_pass()
    changes.differs((0, b"k"), b"v", 0.0)
    assert changes.forget((0, b"k"))
    assert not changes.forget((0, b"k"))
    assert changes.end_pass() == ()
