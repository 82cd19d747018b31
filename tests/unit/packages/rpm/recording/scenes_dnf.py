# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of dnf replay. A scene's result is kept beside its transcript, for whoever reads it; tests say what they expect."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Callable, Dict

from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.dnf.manager import Dnf
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.manager import Rules
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.records import Package, Selection

from fleet import HULLS
from replay import Recorder
from stage import SEEDED, answer, cut, evr, holding, let_go, plain, shell, wanted

RULES = Rules((), ())
UP = Selection()
BACK = Selection(allow_downgrade=True)
REMOVING = Selection(allow_removals=True)
TIDE = ("tide.x86_64=1.1-1", "tide-docs.noarch=2.0-1", "anchor.x86_64=2:0.9-1", "mast.x86_64=2.0-1")
SWELL = ("swell.x86_64=1.1-1", "swell-wake.x86_64=1.1-1", "chart.x86_64=1.1-1")


def seed() -> None:
    shell("dnf", "-q", "makecache")
    shell("dnf", "-q", "-y", "install", *("%s-%s" % (rpm.name, evr(rpm)) for rpm in SEEDED))


def look(runner: Recorder) -> Any:
    dnf = Dnf(runner)
    return {
        "arch": dnf.arch(), "age": dnf.metadata_age(), "installed": plain(dnf.installed()), "holds": dnf.holds(), "streams": dnf.streams(),
        "sources": plain(dnf.sources()), "updates": plain(dnf.updates(RULES, UP)), "interrupted": dnf.interrupted(),
        "minimal": plain(dnf.updates(RULES, Selection(security_level="minimal"))), "reboot": plain(dnf.reboot()),
        "leftovers": dnf.leftover_config(), "cache": dnf.cache_paths()}


def bare(runner: Recorder) -> Any:
    """No metadata, no plugins, no history, and a source that does not say that it is enabled."""
    repository = Path("/etc/yum.repos.d/extra.repo")
    repository.write_text(repository.read_text().replace("enabled=1\n", ""))
    shell("dnf", "clean", "all")
    for path in Path("/var/lib/dnf").glob("history*"):
        path.unlink()
    for name in ("versionlock", "needs_restarting"):
        Path("/usr/lib/python3/dist-packages/dnf-plugins/%s.py" % name).unlink()
    dnf = Dnf(runner)
    return {
        "age": dnf.metadata_age(), "sources": plain(dnf.sources()), "installed": plain(dnf.installed()),
        "updates": answer(dnf.updates, RULES, UP), "simulate": answer(dnf.simulate, wanted("tide.x86_64=1.1-1"), UP),
        "reboot": plain(dnf.reboot()), "holds": dnf.holds(), "interrupted": dnf.interrupted()}


def simulate(runner: Recorder) -> Any:
    dnf = Dnf(runner)
    asked = {
        "up": (TIDE, UP), "removes": (("rudder.x86_64=2.0-1",), UP), "removal allowed": (("rudder.x86_64=2.0-1",), REMOVING),
        "obsoletes": (("tender.x86_64=2.0-1",), UP), "impossible": (("wreck.x86_64=2.0-1", "tide.x86_64=1.1-1"), UP),
        "unknown": (("tide.x86_64=9.9-9",), UP), "nothing": (("tide.x86_64=1.0-1",), UP),
        "several": (("hull-kernel.x86_64=5.2-1",), UP)}
    return {name: answer(dnf.simulate, wanted(*texts), selection) for name, (texts, selection) in asked.items()}


def renamed(runner: Recorder) -> Any:
    """Another package took dinghy's place, and dinghy takes it back."""
    old, others = Package("dinghy", "x86_64", "1.0-1"), [Package("tide", "x86_64", "1.0-1"), Package("unheard-of", "noarch", "1-1")]
    shell("dnf", "-q", "-y", "install", "tender")
    dnf = Dnf(runner)
    return {"successors": [[list(key), plain(list(found))] for key, found in dnf.successors([old] + others).items()], "none": len(dnf.successors(others)),
            "refused": answer(dnf.simulate, wanted("dinghy.x86_64=1.0-1"), UP), "allowed": answer(dnf.simulate, wanted("dinghy.x86_64=1.0-1"), BACK)}


def back(runner: Recorder) -> Any:
    shell("dnf", "-q", "-y", "install", "tide-1.2", "anchor-1:3.1")
    dnf = Dnf(runner)
    asked = wanted("tide.x86_64=1.0-1", "tide-libs.x86_64=1.0-1", "anchor.x86_64=2:0.9-1")
    return {"refused": answer(dnf.simulate, asked, UP), "allowed": answer(dnf.simulate, asked, BACK)}


def kernels(runner: Recorder) -> Any:
    """dnf keeps three kernels: the fourth pushes out the first."""
    for hull in HULLS[1:3]:
        shell("dnf", "-q", "-y", "install", "hull-kernel-%s" % hull.version)
    dnf = Dnf(runner)
    return {"interrupted": dnf.interrupted(), "updates": plain(dnf.updates(RULES, UP)),
            "simulate": answer(dnf.simulate, wanted("hull-kernel.x86_64=5.4-1"), UP)}


def holds(runner: Recorder) -> Any:
    config = Path("/etc/dnf/dnf.conf")
    config.write_text(config.read_text() + "excludepkgs=keel, tide-do*\n")
    repository = Path("/etc/yum.repos.d/base.repo")
    repository.write_text(repository.read_text() + "exclude=mast\n")
    for words in (("add", "tide"), ("add", "--raw", "anchor-1:3.*"), ("exclude", "wreck-2.0")):
        shell("dnf", "-q", "versionlock", *words)
    dnf = Dnf(runner)
    return {"holds": dnf.holds(), "updates": plain(dnf.updates(RULES, UP)),
            "simulate": answer(dnf.simulate, wanted("keel.x86_64=1.2-1"), UP)}


def streams(runner: Recorder) -> Any:
    folder = Path("/etc/dnf/modules.d")
    (folder / "nodejs.module").write_text("[nodejs]\nname=nodejs\nstream=18\nprofiles=common\nstate=enabled\n")
    (folder / "perl.module").write_text("[perl]\nname=perl\nstream=\nprofiles=\nstate=disabled\n")
    return Dnf(runner).streams()


def apply(runner: Recorder) -> Any:
    """The whole way: refreshed, downloaded, installed from the cache while the sources are gone, reasons put back."""
    # needs-restarting takes the age of process 1 for the time of the boot, and that is when somebody first looks at it here.
    os.stat("/proc/1")
    Path("/etc/chart.conf").write_text("changed by hand\n")
    dnf = Dnf(runner)
    dnf.refresh(60)
    before = dnf.installed()
    asked = wanted(*TIDE, "tide-libs.x86_64=1.1-1", "mast-rigging.x86_64=2.0-1", "chart.x86_64=1.1-1", "linux-firmware.noarch=1.1-1")
    plan = dnf.simulate(asked, UP)
    dnf.download(asked, UP, 60)
    again = dnf.simulate(asked, UP)
    _hide_sources()
    log = io.StringIO()
    dnf.apply(asked, UP, 60, log)
    return {"plan": plain(plan), "again": plain(again), "restored": dnf.restore_reasons(before), "installed": plain(dnf.installed()),
            "leftovers": dnf.leftover_config(), "reboot": plain(dnf.reboot()), "cached": shell("find", "/var/cache/dnf", "-name", "*.rpm")}


def _hide_sources() -> None:
    for path in Path("/etc/yum.repos.d").glob("*.repo"):
        path.write_text(path.read_text() + "proxy=http://127.0.0.1:1\n")


def refresh(runner: Recorder) -> Any:
    """A source that does not answer, on a host that is configured not to mind."""
    path = Path("/etc/yum.repos.d/extra.repo")
    path.write_text(path.read_text().replace("8123", "1") + "skip_if_unavailable=True\n")
    return answer(Dnf(runner).refresh, 60)


def scripts(runner: Recorder) -> Any:
    """Scripts that fail, before and after a package's files are there; and packages that were never downloaded."""
    dnf = Dnf(runner)
    after, before = wanted("storm.x86_64=1.1-1", "chart.x86_64=1.1-1"), wanted("squall.x86_64=1.1-1", "keel.x86_64=1.1-1")
    found = {}
    for name, asked in (("after", after), ("before", before)):
        dnf.download(asked, UP, 60)
        found[name] = answer(dnf.apply, asked, UP, 60, io.StringIO())
    found["missing"] = answer(dnf.apply, wanted("mast.x86_64=2.0-1"), UP, 60, io.StringIO())
    return dict(found, interrupted=dnf.interrupted(), installed=plain(dnf.installed()))


def _prepared(*texts: str) -> list:  # type: ignore[type-arg]
    """The command of a transaction whose packages are in the cache."""
    names = [text.replace("=", "-").replace(".x86_64", "") for text in texts]
    shell("dnf", "-q", "-y", "--downloadonly", "--setopt=keepcache=1", "install", *names)
    return ["dnf", "-y", "-C", "install"] + names


def interrupted(runner: Recorder) -> Any:
    """Killed while the new version of a package is there and the old one still is."""
    cut(_prepared(*SWELL))
    dnf = Dnf(runner)
    found = {"interrupted": dnf.interrupted(), "between": plain(dnf.installed())}
    dnf.repair(60, io.StringIO())
    return dict(found, after=dnf.interrupted(), installed=plain(dnf.installed()))


def interrupted_new(runner: Recorder) -> Any:
    """Killed in the script of a package that was not there before."""
    cut(_prepared("foam.x86_64=1.0-1"))
    dnf = Dnf(runner)
    found = {"interrupted": dnf.interrupted()}
    dnf.repair(60, io.StringIO())
    return dict(found, after=dnf.interrupted())


def beyond_repair(runner: Recorder) -> Any:
    """The packages have left cache and sources."""
    cut(_prepared(*SWELL))
    shell("dnf", "-q", "clean", "packages")
    _hide_sources()
    return answer(Dnf(runner).repair, 60, io.StringIO())


def damaged(runner: Recorder) -> Any:
    """Pages of rpm's database are garbage, but not those that hold the packages."""
    # rpm moves the folder, which an overlay allows only where it has none of it below.
    shutil.copytree("/var/lib/rpm", "/var/lib/rpm.copy")
    shutil.rmtree("/var/lib/rpm")
    os.rename("/var/lib/rpm.copy", "/var/lib/rpm")
    with open("/var/lib/rpm/rpmdb.sqlite", "r+b") as file:
        file.seek(3 * 4096)
        file.write(b"\xa5" * 6 * 4096)
    dnf = Dnf(runner)
    found = {"installed": answer(dnf.installed), "interrupted": dnf.interrupted()}
    dnf.repair(60, io.StringIO())
    return dict(found, after=dnf.interrupted(), whole=len(dnf.installed()))


def empty(runner: Recorder) -> Any:
    """rpm's database is elsewhere."""
    shutil.rmtree("/var/lib/rpm")
    dnf = Dnf(runner)
    return {"installed": answer(dnf.installed), "interrupted": dnf.interrupted()}


def locked(runner: Recorder) -> Any:
    tool = holding(_prepared(*SWELL))
    try:
        dnf = Dnf(runner)
        found = {"wait": answer(dnf.wait_for_lock, 0), "interrupted": dnf.interrupted(),
                 "apply": answer(dnf.apply, wanted("keel.x86_64=1.1-1"), UP, 0, io.StringIO())}
    finally:
        let_go(tool)
    found["free"] = answer(dnf.wait_for_lock, 5)
    return found


def rpm_alone(runner: Recorder) -> Any:
    """rpm itself at work, of which dnf's own lock files know nothing."""
    shell("dnf", "-q", "-y", "--downloadonly", "--setopt=keepcache=1", "install", "foam")
    file = next(Path("/var/cache/dnf").rglob("foam*.rpm"))
    tool: "subprocess.Popen[bytes]" = holding(["rpm", "-i", str(file)])
    try:
        return answer(Dnf(runner).wait_for_lock, 0)
    finally:
        let_go(tool)


SCENES: Dict[str, Callable[[Recorder], Any]] = {
    scene.__name__: scene for scene in (
        look, bare, simulate, renamed, back, kernels, holds, streams, apply, refresh, scripts, interrupted, interrupted_new, beyond_repair, damaged, empty,
        locked, rpm_alone)}
