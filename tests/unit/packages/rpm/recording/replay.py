# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A runner that writes down what real tools answer, and one that answers from that."""

from __future__ import annotations

import io
import json
from collections import defaultdict
from pathlib import Path
from typing import IO, Any, DefaultDict, Dict, List, Mapping, Optional, Sequence

from ansible_collections.fleetops.patchtrain.plugins.module_utils.runner import Completed, SystemRunner

Entry = Dict[str, Any]


class Recorder:
    """Passes everything on to this machine and remembers it."""

    def __init__(self) -> None:
        self._system = SystemRunner()
        self.entries: List[Entry] = []

    def run(self, argv: Sequence[str], limit: Optional[float] = 120.0, stdin: str = "", env: Optional[Mapping[str, str]] = None,
            log: Optional[IO[str]] = None) -> Completed:
        done = self._system.run(argv, limit=limit, stdin=stdin, env=env)
        if log is not None:
            log.write(done.stdout + done.stderr)
        self.entries.append({
            "run": list(argv), "rc": done.rc, "stdin": stdin,
            "stdout": done.stdout.splitlines(True), "stderr": done.stderr.splitlines(True)})
        return done

    def which(self, tool: str) -> Optional[str]:
        return self._system.which(tool)

    def read(self, path: str) -> Optional[str]:
        text = self._system.read(path)
        self.entries.append({"read": path, "text": None if text is None else text.splitlines(True)})
        return text

    def save(self, path: Path, result: Any) -> None:
        """One entry a line, so that a change of one answer is a change of one line."""
        lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in self.entries)
        path.write_text('{"result": %s,\n"entries": [\n%s\n]}\n' % (json.dumps(result, ensure_ascii=False), lines), encoding="utf-8")


class Replay:
    """Answers as the tools did. What was asked several times is answered in turn, and the last answer stays."""

    def __init__(self, path: Path) -> None:
        document = json.loads(path.read_text(encoding="utf-8"))
        self.result = document["result"]
        self.asked: List[Sequence[str]] = []
        self._runs: DefaultDict[Any, List[Entry]] = defaultdict(list)
        self._reads: DefaultDict[str, List[Entry]] = defaultdict(list)
        for entry in document["entries"]:
            if "run" in entry:
                self._runs[tuple(entry["run"])].append(entry)
            else:
                self._reads[entry["read"]].append(entry)

    def run(self, argv: Sequence[str], limit: Optional[float] = 120.0, stdin: str = "", env: Optional[Mapping[str, str]] = None,
            log: Optional[IO[str]] = None) -> Completed:
        self.asked.append(list(argv))
        assert tuple(argv) in self._runs, "nobody recorded %s" % " ".join(argv)
        entry = _next(self._runs[tuple(argv)])
        assert entry["stdin"] == stdin
        stdout, stderr = "".join(entry["stdout"]), "".join(entry["stderr"])
        if log is None:
            return Completed(tuple(argv), entry["rc"], stdout, stderr)
        log.write(stdout + stderr)
        return Completed(tuple(argv), entry["rc"], "", "")

    def which(self, tool: str) -> Optional[str]:
        return "/usr/bin/" + tool

    def read(self, path: str) -> Optional[str]:
        assert path in self._reads, "nobody recorded %s" % path
        text = _next(self._reads[path])["text"]
        return None if text is None else "".join(text)

    def output(self, *words: str) -> Entry:
        """The recorded answer to the one command that has all these words."""
        found = [entry for argv, entries in self._runs.items() if all(word in argv for word in words) for entry in entries]
        assert len({tuple(entry["run"]) for entry in found}) == 1, "%d commands have %s" % (len(found), " ".join(words))
        return dict(found[-1], stdout="".join(found[-1]["stdout"]), stderr="".join(found[-1]["stderr"]))


def _next(entries: List[Entry]) -> Entry:
    return entries.pop(0) if len(entries) > 1 else entries[0]


def log() -> IO[str]:
    return io.StringIO()
