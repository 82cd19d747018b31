# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests on different workers never share a lab."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
ASK = "import lab_fleet, lab_release; print(lab_fleet.NAME, lab_fleet.HOME.name, lab_release.ReleaseFleet('.', 'train').name)"


@pytest.mark.parametrize("worker, names", [("gw1", ["test-gw1", "test-gw1", "test-gw1-train"]), ("", ["test", "test", "test-train"])])
def test_each_worker_has_labs_of_its_own(worker: str, names: list[str]) -> None:
    known = dict(os.environ, PYTEST_XDIST_WORKER=worker, PYTHONPATH="%s:%s" % (ROOT / "tests" / "integration", ROOT / "tests" / "lab"))
    done = subprocess.run([sys.executable, "-c", ASK], env=known, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == names
