"""What is owed stays owed until it is paid; what is counted adds up."""

from support.caches import at_once

from redistopo.cache_aside.pending_invalidations import PendingInvalidations
from redistopo.cache_aside.stats import Counts, Stats


def test_a_debt_made_while_an_older_one_is_paid_is_still_owed() -> None:
    owed = PendingInvalidations()
    assert not owed
    owed.add(b"a")
    ticket = owed.ticket(b"a")
    owed.add(b"a")  # the row was changed again, after the deletion was sent
    owed.done(b"a", ticket)
    assert owed
    owed.done(b"a", owed.ticket(b"a"))
    assert not owed
    assert owed.ticket(b"a") is None


def test_each_gets_its_turn() -> None:
    owed = PendingInvalidations()
    assert owed.next() is None
    for key in (b"a", b"b", b"c"):
        owed.add(key)
    assert [owed.next() for _ in range(4)] == [b"a", b"b", b"c", b"a"]


def test_counts_of_many_threads_add_up() -> None:
    stats = Stats()
    assert stats.counts() == Counts()
    assert stats.counts().hit_rate is None
    at_once(8, lambda _: [stats.count("hits") for _ in range(500)])
    at_once(8, lambda _: [stats.count("misses", "negative") for _ in range(125)])
    assert stats.counts() == Counts(hits=4000, misses=1000, negative=1000)
    assert stats.counts().requests == 5000
    assert stats.counts().hit_rate == 0.8
