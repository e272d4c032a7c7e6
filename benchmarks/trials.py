"""All trials."""

from benchmarks.alarms import alarms
from benchmarks.cached import stampede
from benchmarks.endurance import endurance
from benchmarks.failovers import failovers
from benchmarks.overhead import overhead
from benchmarks.planned import planned
from benchmarks.trial import Trial
from benchmarks.truth import truth

TRIALS: tuple[Trial, ...] = (
    Trial(
        name="endurance",
        what="init, up, verify, down, wipe: both shapes, both formations",
        runs=200,
        run=endurance,
    ),
    Trial(
        name="alarms",
        what="verify under heavy load: all well, and then a fault",
        runs=50,
        run=alarms,
    ),
    Trial(
        name="drill-overhead",
        what="a drill's load of 500 writes/s, and no fault",
        runs=20,
        run=overhead,
    ),
    Trial(
        name="failovers",
        what="unplanned failovers with the default node timeout of 5 s, under load",
        runs=20,
        run=failovers,
    ),
    Trial(
        name="drill-truth",
        what="the downtime that a drill reports beside an independent probe, load 0 to 20",
        runs=40,
        run=truth,
    ),
    Trial(
        name="planned",
        what="failover under load, in a cluster, in a replication and with Sentinels",
        runs=20,
        run=planned,
    ),
    Trial(
        name="stampede",
        what="100 misses of one key at one moment, in one process and in four",
        runs=20,
        run=stampede,
    ),
)
