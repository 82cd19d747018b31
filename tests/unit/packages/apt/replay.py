# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runners for tests: one that answers from a transcript of the real tools, one that answers as it is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from ansible_collections.fleetops.patchtrain.plugins.module_utils.runner import Completed

DATA = Path(__file__).parent / "data"


class Replay:
    """Answers what was recorded for exactly these arguments, and fails on all others. Of several answers the first counts."""

    def __init__(self, name: str) -> None:
        scene = json.loads((DATA / f"{name}.json").read_text())
        self.files: dict[str, str | None] = scene["files"]
        self.runs: dict[tuple[str, ...], Completed] = {}
        for entry in scene["runs"]:
            argv = tuple(entry["argv"])
            self.runs.setdefault(argv, Completed(argv, entry["rc"], entry["stdout"], entry["stderr"]))

    def run(self, argv: Sequence[str], limit: float | None = 1.0, stdin: str = "", env: Mapping[str, str] | None = None,
            log: IO[str] | None = None) -> Completed:
        return self.runs[tuple(argv)]

    def which(self, tool: str) -> str | None:
        return tool

    def read(self, path: str) -> str | None:
        return self.files.get(path)


Answer = Callable[[Sequence[str]], "Completed | None"]


class Scripted:
    """Asks ``answer``; where that has none, the program succeeds and prints nothing. Keeps what was run."""

    def __init__(self, answer: Answer = lambda argv: None, files: Mapping[str, str] | None = None) -> None:
        self.answer, self.files = answer, dict(files or {})
        self.ran: list[tuple[str, ...]] = []
        self.limits: list[float | None] = []
        self.envs: list[Mapping[str, str]] = []

    def run(self, argv: Sequence[str], limit: float | None = 1.0, stdin: str = "", env: Mapping[str, str] | None = None,
            log: IO[str] | None = None) -> Completed:
        self.ran.append(tuple(argv))
        self.limits.append(limit)
        self.envs.append(env or {})
        return self.answer(argv) or Completed(tuple(argv), 0, "", "")

    def which(self, tool: str) -> str | None:
        return tool

    def read(self, path: str) -> str | None:
        return self.files.get(path)
