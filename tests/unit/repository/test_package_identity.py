# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a .deb is, is read from the file itself where that is possible, and else asked of dpkg-deb."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.clock import Clock, Deadline
from ansible_collections.fleetops.patchtrain.plugins.module_utils.repository.archive import control
from ansible_collections.fleetops.patchtrain.plugins.module_utils.repository.files import APT, read_item
from ansible_collections.fleetops.patchtrain.plugins.module_utils.repository.identity import check, place_of
from ansible_collections.fleetops.patchtrain.plugins.module_utils.repository.pool import FileWrong
from ansible_collections.fleetops.patchtrain.plugins.module_utils.runner import Completed, SystemRunner

from .building import Built, run

VERSION = "1:1.0~rc1+b1"


class Counting(SystemRunner):
    def __init__(self) -> None:
        self.calls: list[str] = []

    def run(self, argv: Sequence[str], *more: Any, **options: Any) -> Completed:
        self.calls.append(argv[0])
        return super().run(argv, *more, **options)


def build(folder: Path, *options: str) -> Built:
    (folder / "tree" / "DEBIAN").mkdir(parents=True)
    (folder / "tree" / "DEBIAN" / "control").write_text(
        f"Package: tool\nVersion: {VERSION}\nArchitecture: all\nMaintainer: T <t@patchtrain.invalid>\nDescription: tool\n Version: none\n")
    path = folder / "tool.deb"
    run("dpkg-deb", "--root-owner-group", *options, "--build", folder / "tree", path)
    return Built(path, "tool", "all", VERSION)


def look(built: Built, **row: str) -> list[str]:
    runner = Counting()
    check(runner, APT, [(read_item({**built.row(), **row}), str(built.path))], Deadline(60, Clock()))
    return runner.calls


@pytest.mark.parametrize("compression", ["gzip", "xz", "none"])
def test_no_program_is_needed_where_python_knows_the_compression(tmp_path: Path, compression: str) -> None:
    built = build(tmp_path, f"-Z{compression}", "--uniform-compression")
    assert look(built) == []
    with pytest.raises(FileWrong, match=r"is the package tool 1:1\.0~rc1\+b1 \(all\), and not other"):
        look(built, name="other")


def test_dpkg_deb_is_asked_where_python_does_not_know_it(tmp_path: Path) -> None:
    built = build(tmp_path, "-Zzstd", "--uniform-compression")
    assert control(str(built.path)) is None
    assert look(built) == ["dpkg-deb"]


@pytest.mark.parametrize("end", [4, 70, 150])
def test_dpkg_deb_says_what_is_wrong_with_a_file_that_was_cut(tmp_path: Path, end: int) -> None:
    built = build(tmp_path, "-Zgzip")
    built.path.write_bytes(built.path.read_bytes()[:end])
    assert control(str(built.path)) is None
    with pytest.raises(FileWrong, match="can't be read as a package: dpkg-deb"):
        look(built)


@pytest.mark.parametrize("text", ["", "Package: a\nVersion: 1\n", "Package:\nVersion: 1\nArchitecture: all\n", " Package: a\nVersion: 1\nArchitecture: all\n"])
def test_a_control_file_without_all_three_is_not_understood(text: str) -> None:
    assert place_of(text) is None


def test_a_control_file_is_read_whatever_the_case_of_its_fields() -> None:
    assert place_of("package: a\nARCHITECTURE: all\nVersion:  1:2-3\nDescription: x\n Version: 9\n") == ("a", "all", "1:2-3")
