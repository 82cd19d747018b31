# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pure parts of ``make bench``, and that it leaves nothing behind."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.versions import comparator
from ansible_collections.fleetops.patchtrain.plugins.module_utils.repository.archive import control
from benchmark import files, fleet, timing
from benchmark.fleet import Sizes
from benchmark.timing import Row

pytestmark = pytest.mark.tools

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"
HOLDS = "import bench, sys\nwith bench.folder() as top:\n    (top / 'a').mkdir()\n    print(top, flush=True)\n    sys.stdin.read()\n"


def test_works_take_turns() -> None:
    done: list[str] = []
    assert len(timing.in_turns(2, lambda: done.append("a"), lambda: done.append("b"))) == 2
    assert done == ["a", "b", "a", "b"]


def test_the_best_round_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([5.0, 1.0, 3.0, 2.0])
    monkeypatch.setattr(timing, "timed", lambda work: next(times))
    assert timing.in_turns(2, int, int) == [3.0, 1.0]


def test_a_person_sees_ratios_and_no_times() -> None:
    rows = [Row("publish", "createrepo_c", 1.2345, 0.5), Row("x", "y", 1000.0, 1.0)]
    assert timing.table(rows).splitlines() == [
        "measured  against       ratio", "publish   createrepo_c   2.47", "x         y              1000"]


@pytest.mark.parametrize(("ratio", "shown"), [(0.01234, "0.0123"), (1.0, "1"), (99.4, "99.4"), (99.9, "100"), (12345.6, "12346")])
def test_three_digits_count(ratio: float, shown: str) -> None:
    assert timing.shown(ratio) == shown


def test_a_program_gets_seconds_too() -> None:
    found = timing.document([Row("publish", "createrepo_c", 3.0, 2.0)], {"packages": 3}, {"rpm": "4"})
    assert found == {"format": 1, "sizes": {"packages": 3}, "tools": {"rpm": "4"}, "rows": [
        {"measured": "publish", "against": "createrepo_c", "ratio": 1.5, "seconds": 3.0, "against_seconds": 2.0}]}


def test_what_did_something_else_is_not_measured() -> None:
    with pytest.raises(timing.Wrong, match="drift: 3, and 50 was expected"):
        timing.expect("drift", 3, 50)


@pytest.mark.parametrize(("packages", "changed"), [(3000, 50), (300, 7), (10, 5), (101, 50)])
def test_as_many_packages_differ_as_asked_for(packages: int, changed: int) -> None:
    levels = fleet.levels(Sizes(packages=packages, changed=changed), True)
    assert (len(levels), levels.count(2)) == (packages, changed)


@pytest.mark.parametrize("manager", [fleet.APT, fleet.DNF])
def test_a_later_level_is_a_newer_version(manager: str) -> None:
    compare = comparator(manager)
    assert all(compare(fleet.version(manager, number, level), fleet.version(manager, number, level + 1)) < 0 for number in range(400) for level in (0, 1))


def test_a_made_up_deb_is_one() -> None:
    package = fleet.rows(fleet.APT, [1])[0]
    content = files.deb(package)
    assert content.startswith(b"!<arch>\ndebian-binary") and content == files.deb(package) and len(content) > files.PAYLOAD


def test_what_a_made_up_deb_says(tmp_path: Path) -> None:
    package = fleet.rows(fleet.APT, [1] * 12)[11]
    (tmp_path / "a.deb").write_bytes(files.deb(package))
    lines = (control(str(tmp_path / "a.deb")) or "").splitlines()
    assert lines[:3] == ["Package: lib-odd-0011", "Version: 1:2.11-4+deb12u1", "Architecture: all"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_leaves_nothing_behind(number: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDS], cwd=SCRIPTS, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        top = Path(process.stdout.readline().strip())
        assert (top / "a").is_dir()
        process.send_signal(number)
        assert process.wait(30) == 128 + number
    assert not top.exists()
