# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that share the lab's hosts never run at the same time."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
SHARED = """
import os, pathlib, pytest
@pytest.mark.parametrize("number", range(6))
def test_x(number):
    with pathlib.Path("workers").open("a") as seen:
        seen.write(os.environ["PYTEST_XDIST_WORKER"] + "\\n")
"""
ALONE = """
import pytest
@pytest.mark.parametrize("number", range(6))
def test_y(number):
    pass
"""


def test_tests_of_two_files_that_share_the_lab_run_on_one_worker(tmp_path: Path) -> None:
    shutil.copy(ROOT / "conftest.py", tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --import-mode=importlib\n")
    for path, text in {"tests/integration/test_a.py": SHARED, "tests/integration/test_b.py": SHARED,
                       "tests/integration/test_tarball.py": ALONE, "tests/unit/test_c.py": ALONE}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    command = [sys.executable, "-m", "pytest", "-q", "-n", "3", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout
    workers = (tmp_path / "workers").read_text().split()
    assert (len(workers), len(set(workers))) == (12, 1)
