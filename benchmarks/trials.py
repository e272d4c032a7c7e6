"""All trials."""

from benchmarks.endurance import endurance
from benchmarks.trial import Trial

TRIALS: tuple[Trial, ...] = (
    Trial(
        name="endurance",
        what="init, up, verify, down, wipe: both shapes, both formations",
        runs=200,
        run=endurance,
    ),
)
