# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files: whole or not at all, for their owner alone, one clear line where it can't be."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import BadInput
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.report import write
from ansible_collections.fleetops.patchtrain.tests.unit.report.models import HOSTILE, hostile_model, run_model


def mode(path: str | Path) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


def test_four_files_for_their_owner_alone(tmp_path: Path) -> None:
    paths = write.write_report(run_model(2), tmp_path / "a" / "b")
    assert {key: Path(path).name for key, path in paths.items()} == {
        "html": "report.html", "json": "report.json", "hosts_csv": "hosts.csv", "packages_csv": "packages.csv"}
    assert {mode(path) for path in paths.values()} == {0o600}
    assert (mode(tmp_path / "a"), mode(tmp_path / "a" / "b")) == (0o700, 0o700)
    assert sorted(os.listdir(tmp_path / "a" / "b")) == ["hosts.csv", "packages.csv", "report.html", "report.json"]


def test_a_directory_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    write.write_report(run_model(1), str(tmp_path))
    assert mode(tmp_path) == 0o755


def test_a_second_report_replaces_the_first_and_a_link_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    target = tmp_path / "out"
    target.mkdir()
    (target / "report.html").symlink_to(victim)
    write.write_report(run_model(1), target)
    assert victim.read_text() == "mine"
    assert not (target / "report.html").is_symlink()


@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_can_be_written(text: str, tmp_path: Path) -> None:
    for path in write.write_report(hostile_model(text), tmp_path).values():
        Path(path).read_bytes().decode()


def test_what_can_not_be_written_leaves_the_old_and_no_debris(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write.write_report(run_model(1), tmp_path)
    before = (tmp_path / "report.html").read_bytes()

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(write.os, "fsync", full)
    with pytest.raises(BadInput, match="No space left on device; choose a directory"):
        write.write_report(run_model(3), tmp_path)
    assert (tmp_path / "report.html").read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["hosts.csv", "packages.csv", "report.html", "report.json"]


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="file/x"):
        write.write_report(run_model(1), tmp_path / "file" / "x")
