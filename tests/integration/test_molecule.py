# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every molecule scenario passes, each in a lab of its own. Those of the clusters take minutes each, and their drivers have short tests beside them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCENARIOS = sorted(path.parent.name for path in (ROOT / "extensions" / "molecule").glob("*/molecule.yml"))


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("scenario", [pytest.param(name, marks=[] if name == "default" else [pytest.mark.full]) for name in SCENARIOS])
def test_scenario(scenario: str, tmp_path: Path) -> None:
    programs = str(Path(sys.executable).parent)
    environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "ANSIBLE_HOME": str(tmp_path / "ansible"), "NO_COLOR": "1"}
    done = subprocess.run(["molecule", "test", "--scenario-name", scenario], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=1700)
    assert done.returncode == 0, done.stdout[-8000:]
