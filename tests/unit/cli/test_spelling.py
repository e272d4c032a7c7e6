"""Suggestions for mistyped words: near ones, and no silly ones."""

import pytest

from redistopo.cli.other_tools import ANSWERS, FOREIGN_OPTIONS
from redistopo.cli.spelling import similar
from redistopo.cli.verbs import VERBS

CASES = {
    "stauts": ("status",),
    "staus": ("status",),
    "veriyf": ("verify",),
    "UPP": ("up",),
    "faiover": ("failover",),
    "tempaltes": ("templates",),
    "eng": ("engines", "env"),
    "stat": ("start", "status"),
    "create": (),
    "reste": ("reset",),
    "x": (),
    "": (),
}


@pytest.mark.parametrize(("word", "near"), CASES.items(), ids=CASES)
def test_a_mistyped_verb(word: str, near: tuple[str, ...]) -> None:
    assert tuple(sorted(similar(word, VERBS))) == near


def test_an_answer_is_for_no_verb_of_ours_and_names_one() -> None:
    assert not set(ANSWERS) & set(VERBS)
    assert {verb for verb, _option in FOREIGN_OPTIONS} <= set(VERBS)
    for text in (*ANSWERS.values(), *FOREIGN_OPTIONS.values()):
        named = text.partition("redistopo ")[2].split()[0].rstrip(";")
        assert named in VERBS
