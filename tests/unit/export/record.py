#!/usr/bin/env python3
# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records what tools say on a host of the lab: ``record.py MANAGER SCENE`` prints a transcript as JSON. Runs on the host, beside a copy of
``plugins/module_utils`` that is called ``module_utils``; addresses of the lab become ``mirror.example``."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from module_utils.packages.manager import DEFAULT_RULES  # type: ignore[import-not-found]
from module_utils.packages.detect import detect  # type: ignore[import-not-found]
from module_utils.packages.records import Wanted  # type: ignore[import-not-found]
from module_utils.release.download import FETCHERS  # type: ignore[import-not-found]
from module_utils.runner import SystemRunner  # type: ignore[import-not-found]

WANTED = {
    "apt": ["openssl:amd64=3.0.20-1~deb12u2", "passwd:amd64=1:4.13+dfsg1-1+deb12u2", "patchlab-web:all=1.1", "patchlab-web:amd64=1.1",
            "patchlab-web:all=0.9", "patchlab-none:all=1.0"],
    "dnf": ["patchlab-web:noarch=1.0-1", "patchlab-web:noarch=1.1-1", "patchlab-lib:noarch=0.9-1", "patchlab-none:noarch=1.0-1"],
}


class Recorder(SystemRunner):  # type: ignore[misc]
    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.scene: dict[str, Any] = {"files": {}, "runs": []}

    def run(self, argv: Sequence[str], limit: float | None = 120.0, stdin: str = "", env: Mapping[str, str] | None = None,
            log: IO[str] | None = None) -> Any:
        done = super().run(argv, limit, stdin, env, log)
        self.scene["runs"].append({"argv": list(argv), "rc": done.rc, "stdout": done.stdout, "stderr": done.stderr})
        return done

    def read(self, path: str) -> str | None:
        self.scene["files"][path] = super().read(path)
        return self.scene["files"][path]


def wanted(specs: Sequence[str]) -> list[Any]:
    return [Wanted(*re.fullmatch(r"(.+?):(\w+)=(.+)", spec).groups()) for spec in specs]  # type: ignore[union-attr]


def record(manager: str, scene: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        runner = Recorder(folder)
        if scene == "history":
            found = detect(runner, manager)
            found.history(found.installed(), DEFAULT_RULES)
        else:
            asked = wanted(WANTED.get(manager, WANTED["dnf"]))
            fetcher = FETCHERS[manager](runner)
            missing = fetcher.look(asked)
            fetcher.fetch([item for item in asked if item not in missing], folder, 120.0)
        text = json.dumps(runner.scene, indent=1).replace(folder, "/outgoing")
    loaded: dict[str, Any] = json.loads(re.sub(r"10\.[0-9.]+:8471", "mirror.example", text))
    return loaded


if __name__ == "__main__":
    print(json.dumps(record(sys.argv[1], sys.argv[2]), indent=1))
