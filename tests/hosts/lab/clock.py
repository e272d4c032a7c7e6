"""A host whose servers have a wrong clock, which namespaces can't give it."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .host import Host

_SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/time.h>
#include <time.h>
int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    static int (*real)(struct timeval *restrict, void *restrict);
    if (!real) real = dlsym(RTLD_NEXT, "gettimeofday");
    int done = real(now, zone);
    now->tv_sec += AHEAD;
    return done;
}
int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int done = real(clock, now);
    if (clock == CLOCK_REALTIME) now->tv_sec += AHEAD;
    return done;
}
time_t time(time_t *into) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (into) *into = now.tv_sec;
    return now.tv_sec;
}
"""
"""Loaded before libc: the clock of the process is ahead, its monotonic one as ever."""

_SERVER = """#!/bin/sh
LD_PRELOAD=/opt/clock/clock.so exec /opt/clock/{name} "$@"
"""


@contextmanager
def ahead(host: Host, seconds: int, server: str = "/usr/bin/redis-server") -> Iterator[None]:
    """Servers that are started on the host in the block have a clock that is so much ahead."""
    real, folder = host.path(server), host.path("/opt/clock")
    folder.mkdir(parents=True)
    made = host.keys.folder / "clock.so"
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", made, f"-DAHEAD={seconds}", "-ldl"],
        input=_SOURCE, text=True, check=True, timeout=60,
    )  # fmt: skip
    shutil.copy(made, folder / "clock.so")
    kept = folder / Path(server).name
    shutil.copy(real, kept)
    real.unlink()
    real.write_text(_SERVER.format(name=kept.name))
    real.chmod(0o755)
    try:
        yield
    finally:
        real.unlink()
        shutil.copy(kept, real)
        shutil.rmtree(folder)
