# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a lab remembers survives; what is damaged or newer is refused."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from patchlab import processes
from patchlab.errors import Damaged, LabError
from patchlab.paths import LabPaths, lab_paths
from patchlab.processes import Process, alive, end, of_pid
from patchlab.state import LabState, load_process, load_state, loaded, locked, parse_state, save_state, write_json

STATE = LabState("t", "apt1", "00ab", "plab-00ab", "10.64.1.0/24", "bookworm", "/up", "next", {"web": ["/b", "/a"]}, Process(7, 9))


def test_state_comes_back_as_it_was(tmp_path: Path) -> None:
    paths = LabPaths(tmp_path / "t")
    save_state(paths, STATE)
    assert load_state(paths) == STATE
    assert [path.name for path in paths.root.iterdir()] == ["state.json"]


@pytest.mark.parametrize("text", ["", "{", "[]", "3", json.dumps({"name": "t"}), json.dumps({**STATE.document(), "more": 1})])
def test_damaged_state_is_refused(text: str) -> None:
    with pytest.raises(Damaged, match="lab prune"):
        parse_state(text, "state.json")


def test_newer_state_is_refused_and_not_called_damaged() -> None:
    with pytest.raises(LabError, match="the program that made it") as refused:
        parse_state(json.dumps({**STATE.document(), "version": 99}), "state.json")
    assert not isinstance(refused.value, Damaged)


def test_no_lab_is_said_with_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="lab up --name nothing"):
        loaded(LabPaths(tmp_path / "nothing"))


@pytest.mark.parametrize("name", ["", "A", "../x", "a/b", "1a", "a b", "a" * 40, "a\n"])
def test_names_that_could_lead_elsewhere_are_refused(name: str) -> None:
    with pytest.raises(LabError, match="is no name for a lab"):
        lab_paths(name)


def test_lock_keeps_others_out(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    probe = ["flock", "--nonblock", "--conflict-exit-code", "9", str(lock), "true"]
    with locked(lock):
        assert subprocess.run(probe, check=False).returncode == 9
    assert subprocess.run(probe, check=False).returncode == 0


def test_a_number_given_to_somebody_else_is_not_ours() -> None:
    own = of_pid(os.getpid())
    assert own is not None and alive(own)
    stranger = Process(own.pid, own.started + 1)
    assert not alive(stranger)
    assert not processes.send(stranger, signal.SIGTERM)


def test_end_waits_and_insists(tmp_path: Path) -> None:
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        process = of_pid(child.pid)
        end(process, polite=0.05)
        assert not alive(process)
        assert child.wait() == -signal.SIGKILL


def test_process_of_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert load_process(tmp_path / "none.json", "process") is None
    write_json(tmp_path / "some.json", {"process": {"pid": 1, "started": 2}, "guest": None})
    assert load_process(tmp_path / "some.json", "process") == Process(1, 2)
    assert load_process(tmp_path / "some.json", "guest") is None


def test_a_process_whose_number_a_thread_has_now_is_gone() -> None:
    done, numbers = threading.Event(), []

    def thread() -> None:
        numbers.append(threading.get_native_id())
        done.wait(10)

    running = threading.Thread(target=thread)
    running.start()
    while not numbers:
        pass
    try:
        end(Process(numbers[0], 1))
        assert running.is_alive()
    finally:
        done.set()
        running.join()
