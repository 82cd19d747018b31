# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holding the host's own updaters off."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import time
from pathlib import Path
from typing import Any, List, Sequence

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import CommandFailed
from ansible_collections.fleetops.patchtrain.plugins.module_utils.job import hold
from ansible_collections.fleetops.patchtrain.plugins.module_utils.runner import Completed, SystemRunner

DAILY, UPGRADE, ABSENT = "apt-daily.service", "apt-daily-upgrade.service", "dnf-automatic.service"
LATER = 2_000_000_000.0


class Systemd(SystemRunner):
    """systemctl as far as a hold needs it; ``knows`` are the settings that its version knows."""

    def __init__(self, folder: Path, knows: Sequence[str] = ("ExecCondition", "ExecStartPre"),
                 loaded: Sequence[str] = (DAILY, UPGRADE)) -> None:
        self.folder, self.knows, self.loaded = folder, knows, loaded
        self.reloads = 0
        self.reset: List[str] = []

    def run(self, argv: Sequence[str], **_: Any) -> Completed:
        assert argv[0] == "systemctl"
        if argv[1] == "show":
            name = argv[3].split("=")[1]
            return Completed(tuple(argv), 0, "\n\n".join("Id=%s\n%s" % (u, self._property(u, name)) for u in argv[5:]) + "\n", "")
        self.reloads += argv[1] == "daemon-reload"
        self.reset += argv[2:] if argv[1] == "reset-failed" else []
        return Completed(tuple(argv), 0, "", "")

    def _property(self, unit: str, name: str) -> str:
        if name == "LoadState":
            return "LoadState=%s" % ("loaded" if unit in self.loaded else "not-found")
        drop_in = self.folder / (unit + ".d") / hold.DROP_IN
        setting = re.search("^%s=(.*)$" % name, drop_in.read_text(), re.MULTILINE) if drop_in.exists() else None
        return "%s={ path=/bin/sh ; argv[]=%s }" % (name, setting.group(1).replace("%%", "%")) if setting and name in self.knows else ""


def drop_ins(folder: Path) -> "dict[str, str]":
    return {path.parent.name: path.read_text() for path in folder.glob("*/" + hold.DROP_IN)}


def test_the_updaters_that_the_host_has_are_held_with_one_reload(tmp_path: Path) -> None:
    systemd = Systemd(tmp_path)
    assert hold.hold(systemd, [DAILY, UPGRADE, ABSENT], "run", LATER, str(tmp_path)) == [UPGRADE, DAILY]
    assert set(drop_ins(tmp_path)) == {DAILY + ".d", UPGRADE + ".d"}
    assert systemd.reloads == 1
    assert stat.S_IMODE((tmp_path / (DAILY + ".d") / hold.DROP_IN).stat().st_mode) == 0o644


def test_a_hold_again_changes_nothing(tmp_path: Path) -> None:
    systemd = Systemd(tmp_path)
    hold.hold(systemd, [DAILY], "run", LATER, str(tmp_path))
    assert hold.hold(systemd, [DAILY], "run", LATER, str(tmp_path)) == [DAILY]
    assert systemd.reloads == 1


def test_another_run_s_hold_is_not_shortened(tmp_path: Path) -> None:
    systemd = Systemd(tmp_path)
    hold.hold(systemd, [DAILY], "one", LATER, str(tmp_path))
    hold.hold(systemd, [DAILY], "two", LATER - 100, str(tmp_path))
    assert "-ge %d'" % LATER in drop_ins(tmp_path)[DAILY + ".d"]


def test_what_another_run_holds_too_stays_held_until_that_lets_go(tmp_path: Path) -> None:
    systemd = Systemd(tmp_path)
    hold.hold(systemd, [DAILY], "one", LATER - 100, str(tmp_path))
    hold.hold(systemd, [DAILY, UPGRADE], "two", LATER, str(tmp_path))
    assert hold.release(systemd, "two", str(tmp_path)) == [UPGRADE, DAILY]
    assert set(drop_ins(tmp_path)) == {DAILY + ".d"} and "-ge %d'" % (LATER - 100) in drop_ins(tmp_path)[DAILY + ".d"]
    assert hold.release(systemd, "two", str(tmp_path)) == []
    assert hold.release(systemd, "one", str(tmp_path)) == [DAILY] and drop_ins(tmp_path) == {}


def test_a_run_that_never_let_go_holds_no_longer_than_it_said(tmp_path: Path) -> None:
    systemd = Systemd(tmp_path)
    hold.hold(systemd, [DAILY], "killed", time.time() - 5, str(tmp_path))
    hold.hold(systemd, [DAILY], "run", LATER, str(tmp_path))
    assert hold.release(systemd, "run", str(tmp_path)) == [DAILY] and drop_ins(tmp_path) == {}


@pytest.mark.parametrize(("offset", "goes"), [(-5, True), (3600, False)])
def test_the_condition_lets_the_service_go_when_the_time_has_come(tmp_path: Path, offset: int, goes: bool) -> None:
    hold.hold(Systemd(tmp_path), [DAILY], "run", time.time() + offset, str(tmp_path))
    assert '"$$(date +%%s)"' in drop_ins(tmp_path)[DAILY + ".d"], "systemd takes % and $ for its own"
    command = re.search(r"^ExecCondition=/bin/sh -c '(.*)'$", drop_ins(tmp_path)[DAILY + ".d"], re.MULTILINE)
    assert command
    # As systemd hands it on: its own escapes for "%" and "$" undone.
    text = command.group(1).replace("%%", "%").replace("$$", "$")
    assert (subprocess.run(["/bin/sh", "-c", text]).returncode == 0) == goes


def test_an_older_systemd_is_held_by_what_it_knows(tmp_path: Path) -> None:
    systemd = Systemd(tmp_path, knows=("ExecStartPre",))
    assert hold.hold(systemd, [DAILY], "run", LATER, str(tmp_path)) == [DAILY]
    assert "ExecStartPre=" in drop_ins(tmp_path)[DAILY + ".d"]
    assert hold.release(systemd, "run", str(tmp_path)) == [DAILY]
    assert systemd.reset == [DAILY]


def test_a_systemd_that_takes_no_hold_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="apt-daily.service"):
        hold.hold(Systemd(tmp_path, knows=()), [DAILY], "run", LATER, str(tmp_path))


def test_a_release_takes_back_what_its_own_run_held(tmp_path: Path) -> None:
    systemd = Systemd(tmp_path)
    name = "x\n[Service]\nExecStart=/bin/evil"
    hold.hold(systemd, [DAILY], name, LATER, str(tmp_path))
    assert "evil" not in drop_ins(tmp_path)[DAILY + ".d"]
    hold.hold(systemd, [UPGRADE], "other", LATER, str(tmp_path))
    (tmp_path / (DAILY + ".d") / "mine.conf").write_text("")
    assert hold.release(systemd, name, str(tmp_path)) == [DAILY]
    assert hold.release(systemd, name, str(tmp_path)) == []
    assert set(drop_ins(tmp_path)) == {UPGRADE + ".d"}
    assert os.listdir(tmp_path / (DAILY + ".d")) == ["mine.conf"]
    assert hold.release(systemd, "other", str(tmp_path)) == [UPGRADE]
    assert not (tmp_path / (UPGRADE + ".d")).exists()


def test_a_host_without_any_updater_is_left_alone(tmp_path: Path) -> None:
    systemd = Systemd(tmp_path, loaded=())
    assert hold.hold(systemd, [DAILY], "run", LATER, str(tmp_path)) == []
    assert hold.hold(systemd, [], "run", LATER, str(tmp_path)) == []
    assert systemd.reloads == 0
