# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runners for tests: one that answers from a transcript of the real tools, one that answers as it is told."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from ansible_collections.fleetops.patchtrain.plugins.module_utils.runner import Completed

DATA = Path(__file__).parent / "data"


_SHOW = ("apt-cache", "show", "--")


class Replay:
    """Answers what was recorded for exactly these arguments, and fails on all others. Of several answers the first counts.

    Only records of packages may be asked for in another combination than they were recorded in: which of them a manager
    knows already depends on what it was asked before, and tests may run in any order.
    """

    def __init__(self, name: str) -> None:
        scene = json.loads((DATA / f"{name}.json").read_text())
        self.files: dict[str, str | None] = scene["files"]
        self.runs: dict[tuple[str, ...], Completed] = {}
        for entry in scene["runs"]:
            argv = tuple(entry["argv"])
            self.runs.setdefault(argv, Completed(argv, entry["rc"], entry["stdout"], entry["stderr"]))
        shown = (done.stdout for argv, done in self.runs.items() if argv[:3] == _SHOW)
        self.records = {_spec(record): record for text in shown for record in text.split("\n\n") if record.strip()}

    def run(self, argv: Sequence[str], limit: float | None = 1.0, stdin: str = "", env: Mapping[str, str] | None = None,
            log: IO[str] | None = None) -> Completed:
        if tuple(argv) not in self.runs and tuple(argv[:3]) == _SHOW:
            return Completed(tuple(argv), 0, "\n\n".join(self._record(spec) for spec in argv[3:]), "")
        return self.runs[tuple(argv)]

    def _record(self, spec: str) -> str:
        """apt-cache also finds what is built for all architectures under the host's own."""
        return self.records.get(spec) or self.records[re.sub(r":\w+=", ":all=", spec)]

    def which(self, tool: str) -> str | None:
        return tool

    def read(self, path: str) -> str | None:
        return self.files.get(path)


def _spec(record: str) -> str:
    fields = dict(line.split(": ", 1) for line in record.splitlines() if ": " in line and not line.startswith(" "))
    return f"{fields['Package']}:{fields['Architecture']}={fields['Version']}"


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
