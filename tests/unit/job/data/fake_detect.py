# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A package manager whose host is one JSON file, so that a job in a process of its own can be tried on it. Takes the place of
``detect``; ``PATCHTRAIN_FAKE`` names the file:

installed {name: [version, reason]}, available {name: version}, held [names], needs {name: [names]}, broken {name: message}, scripts {name: reason},
lies [names], fills folder or null, interrupted line or null, problem line or null, gate path or null, applied number, repaired number, downloaded [names]
"""

from __future__ import annotations

import json
import os
import time
from typing import IO, Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ..errors import CommandFailed, TransactionInterrupted
from .manager import Rules, Source
from .records import Change, Package, Reboot, Selection, Transaction, Update, Wanted


class Fake:
    name = "fake"

    def __init__(self, path: str) -> None:
        self.path = path

    def _host(self) -> Dict[str, Any]:
        with open(self.path, encoding="utf-8") as handle:
            host: Dict[str, Any] = json.load(handle)
        return host

    def _write(self, **changed: Any) -> None:
        host = dict(self._host(), **changed)
        with open(self.path + ".new", "w", encoding="utf-8") as handle:
            json.dump(host, handle)
        os.rename(self.path + ".new", self.path)

    def arch(self) -> str:
        return "amd64"

    def refresh(self, limit: float) -> None:
        self._write(refreshed=True)

    def metadata_age(self) -> Optional[float]:
        return 0.0

    def installed(self, sources: bool = True) -> List[Package]:
        host = self._host()
        return [Package(name, "amd64", version, "s" if sources else "", reason) for name, (version, reason) in sorted(host["installed"].items())
                if name not in host["half"]]

    def versions(self) -> List[Package]:
        return [Package(package.name, package.arch, package.version) for package in self.installed()]

    def holds(self) -> List[str]:
        return list(self._host()["held"])

    def streams(self) -> List[str]:
        return list(self._host().get("streams", []))

    def sources(self) -> List[Source]:
        return []

    def updates(self, rules: Rules, selection: Selection) -> List[Update]:
        host = self._host()
        return [Update(name, "amd64", host["installed"][name][0], version, "security", size=10, held=name in host["held"])
                for name, version in sorted(host["available"].items())
                if name in host["installed"] and host["installed"][name][0] != version]

    def feeders(self, packages: Sequence[Package]) -> Dict[Tuple[str, str], str]:
        return {(p.name, p.arch): "s" for p in packages if p.name in self._host()["available"]}

    def successors(self, packages: Sequence[Package]) -> Dict[Tuple[str, str], Tuple[Wanted, ...]]:
        return {}

    def predecessors(self, packages: Sequence[Package]) -> Dict[Tuple[str, str], Tuple[str, ...]]:
        return {}

    def simulate(self, wanted: Sequence[Wanted], selection: Selection) -> Transaction:
        host = self._host()
        if host["problem"]:
            return Transaction(problem=host["problem"])
        targets = {w.name: w.version for w in wanted}
        for name in list(targets):
            targets.update({needed: host["available"][needed] for needed in host["needs"].get(name, []) if needed not in targets})
        was = {name: version for name, (version, _reason) in host["installed"].items()}
        changes = [Change(name, "amd64", was.get(name), to) for name, to in sorted(targets.items()) if was.get(name) != to]
        missing = [c for c in changes if c.name not in host["downloaded"]]
        return Transaction(tuple(changes), download_size=10 * len(missing), installed_size=5 * len(changes))

    def download(self, wanted: Sequence[Wanted], selection: Selection, limit: float) -> None:
        self._write(downloaded=sorted(w.name for w in wanted))
        for item in wanted:
            with open(os.path.join(self.cache_paths()[0], item.name + ".deb"), "w", encoding="utf-8") as handle:
                handle.write("")

    def apply(self, wanted: Sequence[Wanted], selection: Selection, limit: float, log: IO[str], keep_config: bool = True) -> None:
        self._write(applied=self._host()["applied"] + 1, proxy=os.environ.get("https_proxy"))
        if self._host()["fills"]:
            fill(self._host()["fills"])
        for item in wanted:
            host = self._host()
            if item.name in host["broken"]:
                log.write("Setting up %s (%s) ...\ndpkg: error processing package %s (--configure):\n %s\n" % (
                    item.name, item.version, item.name, host["broken"][item.name]))
                continue
            if item.name not in host["lies"]:
                self._write(installed=dict(host["installed"], **{item.name: [item.version, "manual"]}))
            if not host["fills"]:
                log.write("Setting up %s (%s) ...\n" % (item.name, item.version))
                log.flush()
            self._wait_at_gate()
        if self._host()["broken"] or self._host()["scripts"]:
            raise CommandFailed("the tool ended with rc 100", ["fake"], scripts=self._host()["scripts"])

    def _wait_at_gate(self) -> None:
        gate = self._host()["gate"]
        while gate and not os.path.exists(gate):
            time.sleep(0.01)

    def interrupted(self) -> Optional[str]:
        line: Optional[str] = self._host()["interrupted"]
        return line

    def repair(self, limit: float, log: IO[str]) -> None:
        host = self._host()
        log.write("repairing\n")
        self._write(repaired=host["repaired"] + 1)
        self._wait_at_gate()
        if not host["mends"]:
            log.write("dpkg: error processing package c (--configure):\n its script failed\n")
            raise TransactionInterrupted("can't be mended: %s" % host["interrupted"])
        self._write(interrupted=None, half=[])

    def wait_for_lock(self, limit: float) -> None:
        return None

    def restore_reasons(self, before: Sequence[Package]) -> List[str]:
        was = {package.name: package.reason for package in before}
        host = self._host()
        now = {name: [version, was.get(name, "automatic")] for name, (version, _reason) in host["installed"].items()}
        self._write(installed=now)
        return [name for name in now if now[name] != host["installed"][name]]

    def reboot(self) -> Reboot:
        return Reboot(False)

    def updater_units(self) -> List[str]:
        return []

    def leftover_config(self) -> List[str]:
        host = self._host()
        return host["leftover"] + (["/etc/new.dpkg-dist"] if host["applied"] else [])

    def cache_paths(self) -> List[str]:
        return [os.path.join(os.path.dirname(self.path), "cache")]

    def environment(self) -> Mapping[str, str]:
        return {}


def fill(folder: str) -> None:
    """Leave no byte free on its file system."""
    with open(os.path.join(folder, "fill"), "wb", buffering=0) as handle:
        for size in (65536, 4096, 1):
            try:
                while True:
                    handle.write(b"x" * size)
            except OSError:
                continue


def detect(runner: Any, wanted: str = "auto") -> Fake:
    return Fake(os.environ["PATCHTRAIN_FAKE"])
