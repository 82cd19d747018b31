# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host whose clock is wrong by a day. The lab's hosts share the kernel's clock, so that a library stands in for it which every program of the host loads
before its own: whatever it asks for the time of day, it is told another day. Waits are not changed by that, nor is what the kernel stamps."""

from __future__ import annotations

import base64
import datetime
import sqlite3
import subprocess
import time
from typing import Any

import pytest
from lab_fleet import Fleet
from test_fault_matrix import ONE_BY_ONE, finished, first_and, outside, patched_once

pytestmark = [pytest.mark.lab, pytest.mark.full]

FIRST, NEXT = "web1", "web2"
CLOCK = """
#if defined(__aarch64__)
enum { GETTIME = 113 };
#else
enum { GETTIME = 228 };
#endif
struct timespec { long s, n; };
struct timeval { long s, u; };
long syscall(long number, ...);

int clock_gettime(int clock, struct timespec *t)
{
    int failed = syscall(GETTIME, (long)clock, t);
    if (!failed && (clock == 0 || clock == 5)) /* the time of day, exact or coarse */
        t->s += DAYS * 86400L;
    return failed;
}

int gettimeofday(struct timeval *t, void *zone)
{
    struct timespec now;
    clock_gettime(0, &now);
    t->s = now.s;
    t->u = now.n / 1000;
    return 0;
}

long time(long *t)
{
    struct timespec now;
    clock_gettime(0, &now);
    if (t)
        *t = now.s;
    return now.s;
}
"""
LIBRARY = "/usr/local/lib/another-day.so"


def elsewhen(fleet: Fleet, host: str, days: int) -> None:
    """From now on whatever the host starts is as many days ahead, also after its reboot."""
    fleet.state.mkdir(parents=True, exist_ok=True)
    source, library = fleet.state / "day.c", fleet.state / "day.so"
    source.write_text(CLOCK)
    subprocess.run(["tcc", "-shared", "-nostdlib", "-DDAYS=%d" % days, "-o", str(library), str(source)], check=True)
    packed = base64.b64encode(library.read_bytes()).decode()
    fleet.sh(host, "echo '%s' | base64 -d > %s && echo %s > /etc/ld.so.preload" % (packed, LIBRARY, LIBRARY))
    assert off(fleet, host) == days, "its clock is wrong indeed"


def off(fleet: Fleet, host: str) -> int:
    """By how many days."""
    return round((int(fleet.sh(host, "date +%s")) - time.time()) / 86400)


def window() -> dict[str, Any]:
    """Open for two hours more; over, or not yet open, by the host's own clock."""
    begun = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
    return {"start": begun.strftime("%Y-%m-%dT%H:%M"), "duration": "3h", "timezone": "UTC"}


def stamps(fleet: Fleet) -> list[float]:
    """All times that the ledger has of the first host."""
    with sqlite3.connect("file:%s?mode=ro" % (fleet.state / "patchtrain/ledger.db"), uri=True) as ledger:
        found = [*ledger.execute("SELECT started_at, finished_at FROM steps WHERE host = ?", (FIRST,)),
                 *ledger.execute("SELECT taken_at, returned_at FROM slots WHERE host = ?", (FIRST,))]
    return [at for row in found for at in row]


def test_a_day_ahead_it_is_patched_in_its_window_like_the_others(fleet: Fleet) -> None:
    begun = time.time()
    elsewhen(fleet, FIRST, 1)
    with outside(fleet, 1):
        done = fleet.play(**ONE_BY_ONE, patch_include=["patchlab-*"], patch_window=window(), patch_estimate_default=60, patch_estimate_reboot=60)
    finished(done, first_and("succeeded", "succeeded"))
    patched_once(fleet)
    tomorrow = datetime.datetime.fromtimestamp(begun, datetime.timezone.utc).date() + datetime.timedelta(days=1)
    assert fleet.sh(FIRST, "grep ' upgrade patchlab-web:all' /var/log/dpkg.log").split()[0] >= tomorrow.isoformat(), "the job was elsewhen too"
    assert off(fleet, FIRST) == 1 and off(fleet, NEXT) == 0, "and still is"
    assert all(begun <= at <= time.time() for at in stamps(fleet)), "the ledger has no time of the host's"


def test_a_day_behind_its_package_manager_refuses_what_is_not_valid_yet_and_the_host_is_told_as_blocked(fleet: Fleet) -> None:
    elsewhen(fleet, FIRST, -1)
    with outside(fleet, 1) as (seen, _traffic):
        done = fleet.play(**ONE_BY_ONE, patch_include=["patchlab-*"], patch_window=window(), patch_estimate_default=60, patch_estimate_reboot=60)
    assert done.rc == 2 and done.states() == first_and("blocked", "succeeded"), done.text[-4000:]
    assert "not valid yet" in done.host(FIRST)["reason"], done.host(FIRST)["reason"]
    assert seen.result()["hosts"][FIRST] == [] and fleet.version(FIRST, "patchlab-web") == "1.0", "nothing was touched"
    patched_once(fleet, (NEXT,))
