# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of zypper replay. A scene's result is kept beside its transcript, for whoever reads it; tests say what they expect."""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from typing import Any, Callable, Dict, List

from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.manager import Rules
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.records import Package, Selection
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.zypper.manager import Zypper

from fleet import HULLS
from replay import Recorder
from stage import SEEDED, answer, cut, evr, holding, let_go, plain, shell, wanted

RULES = Rules((), ())
UP = Selection()
BACK = Selection(allow_downgrade=True)
REMOVING = Selection(allow_removals=True)
TIDE = ("tide.x86_64=1.1-1", "tide-docs.noarch=2.0-1", "anchor.x86_64=2:0.9-1", "mast.x86_64=2.0-1")
SWELL = ("swell.x86_64=1.1-1", "swell-wake.x86_64=1.1-1", "chart.x86_64=1.1-1")
INSTALL = ("zypper", "--non-interactive", "--no-refresh", "install")


def seed() -> None:
    shell("zypper", "--non-interactive", "refresh")
    shell(*INSTALL, *("%s=%s" % (rpm.name, evr(rpm)) for rpm in SEEDED))


def look(runner: Recorder) -> Any:
    zypper = Zypper(runner)
    return {
        "arch": zypper.arch(), "age": zypper.metadata_age(), "installed": plain(zypper.installed()), "holds": zypper.holds(),
        "streams": zypper.streams(), "sources": plain(zypper.sources()), "updates": plain(zypper.updates(RULES, UP)),
        "minimal": plain(zypper.updates(RULES, Selection(security_level="minimal"))), "interrupted": zypper.interrupted(),
        "reboot": plain(zypper.reboot()), "leftovers": zypper.leftover_config(), "cache": zypper.cache_paths()}


def bare(runner: Recorder) -> Any:
    """No metadata of one source, which does not answer."""
    _hide_sources("extra")
    for folder in ("raw", "solv"):
        shutil.rmtree("/var/cache/zypp/%s/extra" % folder)
    zypper = Zypper(runner)
    return {
        "age": zypper.metadata_age(), "sources": plain(zypper.sources()), "installed": plain(zypper.installed()),
        "updates": answer(zypper.updates, RULES, UP),
        "simulate": answer(zypper.simulate, wanted("tide.x86_64=1.1-1"), UP)}


def nothing(runner: Recorder) -> Any:
    """A host without any source."""
    for path in Path("/etc/zypp/repos.d").glob("*.repo"):
        path.unlink()
    zypper = Zypper(runner)
    return {"sources": plain(zypper.sources()), "age": zypper.metadata_age(), "installed": plain(zypper.installed()),
            "updates": plain(zypper.updates(RULES, UP))}


def simulate(runner: Recorder) -> Any:
    zypper = Zypper(runner)
    asked = {
        "up": (TIDE, UP), "removes": (("rudder.x86_64=2.0-1",), UP), "removal allowed": (("rudder.x86_64=2.0-1",), REMOVING),
        "obsoletes": (("tender.x86_64=2.0-1",), UP), "impossible": (("wreck.x86_64=2.0-1", "tide.x86_64=1.1-1"), UP),
        "unknown": (("tide.x86_64=9.9-9",), UP), "nothing": (("tide.x86_64=1.0-1",), UP),
        "several": (("hull-kernel.x86_64=5.2-1",), UP)}
    return {name: answer(zypper.simulate, wanted(*texts), selection) for name, (texts, selection) in asked.items()}


def renamed(runner: Recorder) -> Any:
    """Another package took dinghy's place, and dinghy takes it back."""
    old, others = Package("dinghy", "x86_64", "1.0-1"), [Package("tide", "x86_64", "1.0-1"), Package("unheard-of", "noarch", "1-1")]
    shell(*INSTALL, "tender")
    zypper = Zypper(runner)
    return {"successors": [[list(key), plain(list(found))] for key, found in zypper.successors([old] + others).items()], "none": len(zypper.successors(others)),
            "refused": answer(zypper.simulate, wanted("dinghy.x86_64=1.0-1"), UP), "allowed": answer(zypper.simulate, wanted("dinghy.x86_64=1.0-1"), BACK)}


def back(runner: Recorder) -> Any:
    shell(*INSTALL, "tide=1.2-1", "anchor=1:3.1-2.harbor9")
    zypper = Zypper(runner)
    asked = wanted("tide.x86_64=1.0-1", "anchor.x86_64=2:0.9-1")
    return {"refused": answer(zypper.simulate, asked, UP), "allowed": answer(zypper.simulate, asked, BACK)}


def kernels(runner: Recorder) -> Any:
    for hull in HULLS[1:3]:
        shell(*INSTALL, "hull-kernel=%s" % evr(hull))
    zypper = Zypper(runner)
    return {"interrupted": zypper.interrupted(), "updates": plain(zypper.updates(RULES, UP)),
            "simulate": answer(zypper.simulate, wanted("hull-kernel.x86_64=5.4-1"), UP)}


def holds(runner: Recorder) -> Any:
    for lock in (["keel", "tide-d*"], ["chart < 2"], ["anchor = 2:0.9-1"], ["-r", "base", "swell"], ["-t", "patch", "mast"]):
        shell("zypper", "--non-interactive", "addlock", *lock)
    zypper = Zypper(runner)
    return {"holds": zypper.holds(), "updates": plain(zypper.updates(RULES, UP)),
            "simulate": answer(zypper.simulate, wanted("keel.x86_64=1.2-1"), UP)}


def apply(runner: Recorder) -> Any:
    """The whole way: refreshed, downloaded, installed from the cache while the sources are gone, reasons put back."""
    Path("/etc/chart.conf").write_text("changed by hand\n")
    zypper = Zypper(runner)
    zypper.refresh(60)
    before = zypper.installed()
    asked = wanted(*TIDE, "tide-libs.x86_64=1.1-1", "mast-rigging.x86_64=2.0-1", "chart.x86_64=1.1-1", "linux-firmware.noarch=1.1-1")
    plan = zypper.simulate(asked, UP)
    zypper.download(asked, UP, 60)
    again = zypper.simulate(asked, UP)
    _hide_sources("base", "extra")
    zypper.apply(asked, UP, 60, io.StringIO())
    return {"plan": plain(plan), "again": plain(again), "restored": zypper.restore_reasons(before), "twice": zypper.restore_reasons(before),
            "installed": plain(zypper.installed()), "leftovers": zypper.leftover_config(), "reboot": plain(zypper.reboot())}


def _hide_sources(*names: str) -> None:
    for name in names:
        path = Path("/etc/zypp/repos.d/%s.repo" % name)
        path.write_text(path.read_text().replace("8123", "1"))


def refresh(runner: Recorder) -> Any:
    _hide_sources("extra")
    return answer(Zypper(runner).refresh, 60)


def scripts(runner: Recorder) -> Any:
    """Scripts that fail, before and after a package's files are there; and packages that can't be had."""
    zypper = Zypper(runner)
    after, before = wanted("storm.x86_64=1.1-1", "chart.x86_64=1.1-1"), wanted("squall.x86_64=1.1-1", "keel.x86_64=1.1-1")
    found = {}
    for name, asked in (("after", after), ("before", before)):
        zypper.download(asked, UP, 60)
        found[name] = answer(zypper.apply, asked, UP, 60, io.StringIO())
    _hide_sources("base")
    found["missing"] = answer(zypper.apply, wanted("mast.x86_64=2.0-1"), UP, 60, io.StringIO())
    return dict(found, interrupted=zypper.interrupted(), installed=plain(zypper.installed()))


def _prepared(*texts: str) -> List[str]:
    """The command of a transaction whose packages are in the cache."""
    shell(*INSTALL, "--download-only", *texts)
    return [*INSTALL, *texts]


def interrupted(runner: Recorder) -> Any:
    """Killed while the new version of a package is there and the old one still is."""
    cut(_prepared(*SWELL))
    zypper = Zypper(runner)
    found = {"interrupted": zypper.interrupted(), "between": plain(zypper.installed())}
    zypper.repair(60, io.StringIO())
    return dict(found, after=zypper.interrupted(), installed=plain(zypper.installed()))


def beyond_repair(runner: Recorder) -> Any:
    """The packages have left the sources."""
    cut(_prepared(*SWELL))
    _hide_sources("base", "extra")
    shutil.rmtree("/var/cache/zypp/packages")
    log = io.StringIO()
    return {"repair": answer(Zypper(runner).repair, 60, log), "log": log.getvalue()}


def locked(runner: Recorder) -> Any:
    tool = holding(_prepared(*SWELL))
    try:
        zypper = Zypper(runner)
        found = {"wait": answer(zypper.wait_for_lock, 0), "interrupted": zypper.interrupted(), "age": zypper.metadata_age()}
    finally:
        let_go(tool)
    found["free"] = answer(zypper.wait_for_lock, 5)
    return found


SCENES: Dict[str, Callable[[Recorder], Any]] = {
    scene.__name__: scene for scene in (
        look, bare, nothing, simulate, renamed, back, kernels, holds, apply, refresh, scripts, interrupted, beyond_repair, locked)}
