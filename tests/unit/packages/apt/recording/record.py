# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records what real apt and dpkg print, as the transcripts beside this folder. Needs root, mmdebstrap and a Debian mirror:

    python3 -m recording.record SCRATCH bookworm        (from tests/unit/packages/apt)

Everything happens in a chroot below SCRATCH, from the mirror that this machine itself uses; its name is left out
of what is kept. Suites: bookworm has apt 2.6, trixie has apt 3.0 with its second solver.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from . import world

sys.path.insert(0, str(Path(__file__).parents[4]))
import conftest  # noqa: F401
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import PatchtrainError
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.manager import DEFAULT_RULES
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.apt.manager import Apt
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.records import Selection, Wanted
from ansible_collections.fleetops.patchtrain.plugins.module_utils.runner import Completed, SystemRunner

DATA = Path(__file__).parents[1] / "data"
INCLUDE = "apt-utils,ca-certificates,openssl,bind9-host,tzdata,xz-utils"

SIMULATED: dict[str, tuple[str, ...]] = {
    "bookworm": ("app-a:amd64=2.0", "toall-j:all=2.0 toany-k:amd64=2.0", "libm-a:i386=2.0", "held-b:amd64=2.0", "needs-held:amd64=2.0",
                 "conf-c:amd64=2.0", "bad-e:amd64=2.0", "pair-l:amd64=2.0", "pair-r:amd64=2.0", "pair-l:amd64=2.0 pair-r:amd64=2.0",
                 "plus-h:amd64=2.0+", "epoch-i:amd64=2:0.5", "rec-r:amd64=2.0", "regex.:amd64=1.0", "unheard-of:amd64=1", "app-a:amd64=9",
                 "app-a:amd64=1.0", "regex.q:amd64=1.0 phased-p:amd64=2.0"),
    "trixie": ("app-a:amd64=2.0", "needs-held:amd64=2.0", "bad-e:amd64=2.0", "pair-r:amd64=2.0", "unheard-of:amd64=1", "app-a:amd64=9"),
}


class Recorder(SystemRunner):
    """Runs in a chroot and keeps what it saw."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.seen: dict[str, Any] = {"runs": [], "files": {}}

    def run(self, argv: Sequence[str], *args: Any, log: IO[str] | None = None, **kwargs: Any) -> Completed:
        done = super().run(["chroot", str(self.root), *argv], *args, log=log, **kwargs)
        entry = {"argv": list(argv), "rc": done.rc, "stdout": done.stdout, "stderr": done.stderr}
        if entry not in self.seen["runs"]:
            self.seen["runs"].append(entry)
        return Completed(tuple(argv), done.rc, done.stdout, done.stderr)

    def read(self, path: str) -> str | None:
        text = super().read(str(self.root) + path)
        self.seen["files"][path] = text
        return text

    def save(self, name: str) -> None:
        text = json.dumps(self.seen, indent=1).replace(urlsplit(mirror()).netloc, "mirror.example")
        (DATA / f"{name}.json").write_text(text + "\n")


@cache
def mirror() -> str:
    asked = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Origin: Debian", "Label: Debian"]
    return subprocess.run(asked, check=True, capture_output=True, text=True).stdout.split()[0].rstrip("/")


def main(scratch: Path, suite: str) -> None:
    root = scratch / suite
    if not root.exists():
        make(root, suite)
    recorder = Recorder(root)
    scene(recorder, suite)
    recorder.save(suite)
    for change in (downgrade, unsigned, unmet, away_and_refused, cut) if suite == "bookworm" else ():
        with changed(scratch, root) as copy:
            change(copy)


def make(root: Path, suite: str) -> None:
    """The main suite alone, the lab's packages at 1.0, and then all sources."""
    subprocess.run(["mmdebstrap", "--variant=minbase", f"--include={INCLUDE}", suite, str(root), mirror()], check=True)
    world.build(root / "srv")
    sources = [f"deb [arch=amd64] {mirror()} {suite} main", f"deb [arch=amd64] {mirror()}-security {suite}-security main",
               "deb [trusted=yes] file:/srv/lab ./", *(f"deb [trusted=yes] file:/srv/{name} ./" for name in world.UBUNTU)]
    (root / "etc/apt/sources.list").write_text("\n".join(sources) + "\n")
    inside(root, "dpkg", "--add-architecture", "i386")
    first = [f"/srv/lab/{p.name}" for p in (root / "srv/lab").glob("*_1*.deb") if "1.0_" in p.name]
    first += [f"/srv/noble/{p.name}" for p in (root / "srv/noble").glob("*.deb")]
    inside(root, "dpkg", "-i", *(path for path in first if not Path(path).name.startswith(world.LATER)))
    inside(root, "dpkg", "-r", "removed-t")
    inside(root, "apt-mark", "hold", "held-b")
    inside(root, "apt-mark", "auto", "lib-x")
    inside(root, "apt-get", "update")


def inside(root: Path, *argv: str) -> None:
    subprocess.run(["chroot", str(root), *argv], check=True, env=dict(os.environ, LC_ALL="C.UTF-8"))


@contextmanager
def changed(scratch: Path, root: Path) -> Iterator[Path]:
    """A throwaway copy."""
    copy = scratch / "copy"
    subprocess.run(["cp", "-a", "--reflink=auto", str(root), str(copy)], check=True)
    try:
        yield copy
    finally:
        subprocess.run(["rm", "-rf", str(copy)], check=True)


def scene(recorder: Recorder, suite: str) -> None:
    apt = Apt(recorder)
    apt.installed(), apt.sources(), apt.holds(), apt.interrupted(), apt.leftover_config(), apt.metadata_age(), apt.reboot()
    updates = apt.updates(DEFAULT_RULES, Selection())
    apt.updates(DEFAULT_RULES, Selection(security_level="minimal"))
    security = [Wanted(u.name, u.arch, u.candidate) for u in updates if u.classification == "security"]
    apt.simulate(security, Selection())
    for specs in SIMULATED[suite]:
        apt.simulate(wanted(specs), Selection())


def wanted(specs: str) -> list[Wanted]:
    return [Wanted(head.partition(":")[0], head.partition(":")[2], version)
            for head, _equals, version in (spec.partition("=") for spec in specs.split())]


def downgrade(root: Path) -> None:
    inside(root, "apt-get", "-y", "-qq", "install", "pair-l=3.0", "pair-r=3.0")
    recorder = Recorder(root)
    Apt(recorder).simulate(wanted("pair-l:amd64=2.0 pair-r:amd64=2.0"), Selection(allow_downgrade=True))
    recorder.save("downgrade")


def unsigned(root: Path) -> None:
    """A source that an administrator lets in though nobody signed it: apt plans with it, and then refuses to install."""
    lists = root / "etc/apt/sources.list"
    lists.write_text(lists.read_text().replace("[trusted=yes] file:/srv/lab", "[allow-insecure=yes] file:/srv/lab"))
    inside(root, "apt-get", "-q", "update")
    recorder = Recorder(root)
    Apt(recorder).simulate(wanted("app-a:amd64=2.0 openssl:amd64=%s" % candidate(root, "openssl")), Selection())
    Apt(recorder).sources()
    recorder.save("unsigned")


def candidate(root: Path, name: str) -> str:
    return {u.name: u.candidate for u in Apt(Recorder(root)).updates(DEFAULT_RULES, Selection())}[name]


def unmet(root: Path) -> None:
    inside(root, "dpkg", "-i", "--force-depends", "/srv/lab/needs-held_2.0_amd64.deb")
    recorder = Recorder(root)
    Apt(recorder).interrupted()
    try:
        Apt(recorder).simulate(wanted("app-a:amd64=2.0"), Selection())
    except PatchtrainError as error:
        print("as expected:", error.message)
    recorder.save("unmet")


def away_and_refused(root: Path) -> None:
    away(root)
    refused(root)


def away(root: Path) -> None:
    """apt-get update where a source does not answer, as new and as older apt take it."""
    (root / "etc/apt/sources.list.d/away.list").write_text("deb http://someone:secret@127.0.0.1:9/deb nowhere main\n")
    recorder = Recorder(root)
    refresh(recorder)
    recorder.run(["apt-get", "-q", "update"])
    Apt(recorder).sources()
    recorder.save("refresh-away")


def refused(root: Path) -> None:
    """And where another one changed its name, and one is not signed."""
    (root / "etc/apt/sources.list.d/plain.list").write_text("deb file:/srv/plain ./\n")
    subprocess.run(["cp", "-a", str(root / "srv/lab"), str(root / "srv/plain")], check=True)
    release = root / "srv/lab/Release"
    release.write_text(release.read_text().replace("Codename: train", "Codename: other"))
    recorder = Recorder(root)
    refresh(recorder)
    recorder.save("refresh-refused")


def refresh(recorder: Recorder) -> None:
    try:
        Apt(recorder).refresh(60)
    except PatchtrainError as error:
        print("as expected:", error.message)


def cut(root: Path) -> None:
    """dpkg and apt killed while a package's files are being replaced."""
    apt = subprocess.Popen(["chroot", str(root), "apt-get", "-y", "-q", "-oDpkg::Use-Pty=0", "install", "slow-s=2.0"],
                           start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (root / "var/lib/dpkg/tmp.ci/preinst").exists():
        time.sleep(0.1)
    time.sleep(1)
    os.killpg(apt.pid, signal.SIGKILL)
    apt.wait()
    recorder = Recorder(root)
    Apt(recorder).interrupted()
    recorder.save("cut")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
