# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Publishing a release, and the next one that differs in few packages, against the tools that make the indexes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.fleetops.patchtrain.plugins.module_utils.clock import Clock, Deadline
from ansible_collections.fleetops.patchtrain.plugins.module_utils.release.manifest import canonical, digest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.repository import published
from ansible_collections.fleetops.patchtrain.plugins.module_utils.repository.layout import Root
from ansible_collections.fleetops.patchtrain.plugins.module_utils.repository.publish import Request, Result, present
from ansible_collections.fleetops.patchtrain.plugins.module_utils.runner import Runner
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.releases.capture import Manifest, capture

from . import files, fleet
from .fleet import APT, Document, Kind, Sizes
from .timing import Row, expect, timed

_LIMIT = 900.0
_RAW = {APT: "apt-ftparchive packages", fleet.DNF: "createrepo_c"}


def release(kind: Kind, of: Sequence[int], parent: tuple[str, Manifest] | None = None) -> Manifest:
    return capture({"golden": fleet.snapshot(kind, of)}, fleet.EXCLUDE, parent=parent).manifest


class Keyring:
    """One key without a passphrase; its agent ends with it."""

    def __init__(self, runner: Runner, home: Path) -> None:
        self._runner, self.home, self.key = runner, str(home), "bench@patchtrain.invalid"
        home.mkdir(mode=0o700)

    def make(self) -> None:
        argv = ["gpg", "--batch", "--quiet", "--homedir", self.home, "--pinentry-mode", "loopback", "--passphrase", ""]
        self._runner.run([*argv, "--quick-generate-key", "Bench <%s>" % self.key, "ed25519", "sign", "never"]).check()

    def close(self) -> None:
        self._runner.run(["gpgconf", "--homedir", self.home, "--kill", "all"]).check()


@dataclass(frozen=True)
class Place:
    """A repository host in a folder, for one kind of packages."""

    runner: Runner
    keyring: Keyring
    kind: Kind
    root: Root

    def publish(self, manifest: Manifest, built: Sequence[files.Built]) -> tuple[float, Result]:
        """The time of asking what is known and of publishing; bringing the files that are lacking is not in it."""
        name = digest(manifest)
        incoming = Path(self.root.path) / "incoming" / name[:16]
        incoming.mkdir(parents=True)
        asked: list[dict[str, list[Document]]] = []
        seconds = timed(lambda: asked.append(published.known(self.root, {self.kind.key: [one.package for one in built]})))
        there = {row["name"] for row in asked[0][self.kind.key]}
        lacking = [one for one in built if one.package["name"] not in there]
        for one in lacking:
            shutil.copy(one.path, incoming)
        rows = asked[0][self.kind.key] + [one.row() for one in lacking]
        request = Request(name, canonical(manifest).decode(), {self.kind.key: rows}, str(incoming), {}, [self.keyring.key], self.keyring.home)
        # What was copied just now is still on its way to the disk, and would be waited for by whoever syncs first.
        os.sync()
        results: list[Result] = []
        seconds += timed(lambda: results.append(present(self.runner, self.root, request, Deadline(_LIMIT, Clock()))))
        return seconds, results[0]

    def raw(self, result: Result) -> float:
        """The tool by itself over the same files, as a person would call it."""
        top = Path(self.root.release(result["digest"])) / self.kind.key
        if self.kind.manager == APT:
            return timed(lambda: self.runner.run(["env", "--chdir", str(top), "apt-ftparchive", "packages", "pool"], limit=_LIMIT).check())
        beside = Path(self.root.path) / "raw"
        beside.mkdir()
        seconds = timed(lambda: self.runner.run(["createrepo_c", "--quiet", "--outputdir", str(beside), str(top)], limit=_LIMIT).check())
        shutil.rmtree(beside)
        return seconds


@dataclass(frozen=True)
class Published:
    """What is measured later needs the newest release."""

    rows: list[Row]
    root: Root
    manifest: Manifest
    key: str


def measure(runner: Runner, keyring: Keyring, kind: Kind, sizes: Sizes, top: Path) -> Published:
    one, two = (fleet.levels(sizes, second) for second in (False, True))
    built = files.build(runner, kind, fleet.rows(kind.manager, one), top / ("files-" + kind.manager))
    fresh = {row.package["name"]: row for row in files.build(
        runner, kind, [row for row, level in zip(fleet.rows(kind.manager, two), two) if level == 2], top / ("fresh-" + kind.manager))}
    place = Place(runner, keyring, kind, Root(str(top / ("repository-" + kind.manager))))
    place.root.prepare()
    manifest = release(kind, one)
    first, result = place.publish(manifest, built)
    raw = place.raw(result)
    following = release(kind, two, (digest(manifest), manifest))
    second, result = place.publish(following, [fresh.get(row.package["name"], row) for row in built])
    raw = min(raw, place.raw(result))
    _check(place, sizes)
    what, tool = "publish %d packages (%s)" % (sizes.packages, kind.manager), _RAW[kind.manager]
    again = "publish the next release, %d of them new (%s)" % (sizes.changed, kind.manager)
    rows = [Row(what, tool, first, raw), Row(again, tool, second, raw), Row(again, "the first release", second, first)]
    return Published(rows, place.root, following, result["keys"][0])


def _check(place: Place, sizes: Sizes) -> None:
    expect("files in the pool", sum(len(names) for _top, _folders, names in os.walk(place.root.pool)), sizes.packages + sizes.changed)
    expect("published releases", len(place.root.published()), 2)
