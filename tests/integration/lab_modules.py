# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules as somebody uses them by themselves: ``ansible -m``, on the lab's hosts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from lab_fleet import Fleet


def module(fleet: Fleet, where: str, name: str, check: bool = False, **options: Any) -> dict[str, Any]:
    """The result of one module on one host, failed or not."""
    command = [str(Path(sys.executable).with_name("ansible")), where, "-i", str(fleet.home / "inventory.yml"), "-m", "fleetops.patchtrain." + name,
               *(["-a", json.dumps(options)] if options else []), *(["--check"] if check else []),]
    env = dict(fleet.environment(), ANSIBLE_STDOUT_CALLBACK="ansible.builtin.oneline", ANSIBLE_CALLBACK_RESULT_FORMAT="json",
               ANSIBLE_LOAD_CALLBACK_PLUGINS="1", ANSIBLE_DEPRECATION_WARNINGS="0")
    fleet.state.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(command, env=env, cwd=fleet.state, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          check=False, timeout=300)
    line = next((line for line in done.stdout.splitlines() if " => " in line), None)
    assert line, done.stdout + done.stderr
    result: dict[str, Any] = {**json.loads(line.split(" => ", 1)[1]), "failed": "FAILED" in line.split(" => ", 1)[0]}
    return result
