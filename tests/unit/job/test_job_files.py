# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are whole or not there, and the state directory."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import BadInput, ParseFailed
from ansible_collections.fleetops.patchtrain.plugins.module_utils.job import files
from ansible_collections.fleetops.patchtrain.plugins.module_utils.job.state import Job, State, job_id


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_document_is_replaced_whole_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    files.replace_document(str(path), {"a": 1})
    files.replace_document(str(path), {"b": "ü"})
    assert files.read_document(str(path)) == {"b": "ü"}
    assert mode(path) == 0o600
    assert os.listdir(tmp_path) == ["x.json"]


def test_a_missing_document_is_none_and_a_broken_one_is_named(tmp_path: Path) -> None:
    assert files.read_document(str(tmp_path / "x.json")) is None
    for text in ("{", "[1]"):
        (tmp_path / "x.json").write_text(text)
        with pytest.raises(ParseFailed, match="x.json"):
            files.read_document(str(tmp_path / "x.json"))


def test_exactly_one_of_many_creates_a_document(tmp_path: Path) -> None:
    path, won = str(tmp_path / "begun.json"), []
    barrier = threading.Barrier(12)

    def race(number: int) -> None:
        barrier.wait()
        if files.create_document(path, {"by": number}):
            won.append(number)

    threads = [threading.Thread(target=race, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert files.read_document(path) == {"by": won[0]}
    assert os.listdir(tmp_path) == ["begun.json"]


def test_the_state_directory_is_for_its_owner_alone(tmp_path: Path) -> None:
    root = tmp_path / "state"
    root.mkdir(mode=0o755)
    State(str(root)).prepare()
    assert mode(root) == 0o700
    assert mode(root / "jobs") == 0o700


def test_a_link_in_place_of_the_state_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "state").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadInput, match="remove what is there"):
        State(str(tmp_path / "state")).prepare()


def test_job_ids_tell_runs_and_steps_apart() -> None:
    ids = {job_id("a", "b"), job_id("ab", ""), job_id("", "ab"), job_id("a b", ""), job_id("$(reboot)\n", "../..")}
    assert len(ids) == 5
    assert all(len(i) == 16 and i.isalnum() for i in ids)


def test_a_job_is_laid_down_once_and_whole(tmp_path: Path) -> None:
    state = State(str(tmp_path))
    state.prepare()
    assert state.create("abc", {"n": 1}, b"zip")
    assert not state.create("abc", {"n": 2}, b"other")
    assert state.job("abc").spec() == {"n": 1}
    assert (tmp_path / "jobs" / "abc" / "program.zip").read_bytes() == b"zip"
    assert os.listdir(tmp_path / "jobs") == ["abc"]


def test_there_is_one_result(tmp_path: Path) -> None:
    job = Job(str(tmp_path))
    assert job.finish({"first": True})
    assert not job.finish({"first": False})
    assert job.result() == {"first": True}


def test_only_old_finished_jobs_are_pruned(tmp_path: Path) -> None:
    state = State(str(tmp_path))
    state.prepare()
    for number in range(5):
        state.create("job%d" % number, {}, b"")
        if number != 1:
            state.job("job%d" % number).finish({})
            os.utime(state.job("job%d" % number).file("result.json"), (number, number))
    (tmp_path / "jobs" / ".new-left").mkdir()
    os.utime(tmp_path / "jobs" / ".new-left", (0, 0))
    (tmp_path / "jobs" / ".new-fresh").mkdir()
    assert state.prune(keep=2) == ["job2", "job0"]
    assert sorted(os.listdir(tmp_path / "jobs")) == [".new-fresh", "job1", "job3", "job4"]
