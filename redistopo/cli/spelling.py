"""Which known words a mistyped word is likely to be, by edit distance."""

from collections.abc import Iterable


def similar(word: str, known: Iterable[str]) -> tuple[str, ...]:
    """Return the nearest known words: at most one edit away, two for a long word.

    Also words that start with it. An insertion, a deletion, a substitution, or a swap of two
    neighbours is one edit.
    """
    word = word.lower()
    most = 1 if len(word) < 5 else 2
    found = []
    for candidate in known:
        distance = _distance(word, candidate)
        if distance <= most:
            found.append((distance, candidate))
        elif len(word) >= 3 and candidate.startswith(word):
            found.append((1, candidate))
    nearest = min(found, default=(0, ""))[0]
    return tuple(candidate for distance, candidate in found if distance == nearest)


def _distance(first: str, second: str) -> int:
    """Optimal string alignment: Levenshtein's distance, with swaps of neighbours."""
    rows = [list(range(len(second) + 1))]
    for i, letter in enumerate(first, start=1):
        row = [i]
        for j, other in enumerate(second, start=1):
            cost = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == second[j - 2] and first[i - 2] == other:
                cost = min(cost, rows[-2][j - 2] + 1)
            row.append(cost)
        rows.append(row)
    return rows[-1][-1]
