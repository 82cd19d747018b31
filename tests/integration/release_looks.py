# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How hosts and the repository host look from outside, and what goes wrong with them in tests of releases."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml
from lab_fleet import Played, wait_for
from lab_release import GPG_HOME, REPOSITORY, ROOT_FOLDER, ReleaseFleet, versions
from release_train import Train

_SOURCES = "/etc/apt /etc/dnf /etc/yum.repos.d /etc/zypp /etc/patchtrain /etc/pki /usr/share/keyrings /var/lib/patchtrain/release /var/lib/zypp/AutoInstalled"
_BELONGINGS = ("find %s \\( -type f -o -type l \\) -printf '%%p %%m %%l\\n' 2>/dev/null | sort; find %s -type f -print0 2>/dev/null | sort -z | "
               "xargs -0r sha256sum; rpm -q gpg-pubkey 2>/dev/null | sort; true") % (_SOURCES, _SOURCES)


def belongings(fleet: ReleaseFleet, host: str) -> str:
    """Each file that says where packages come from and who is trusted, byte for byte."""
    return fleet.sh(host, _BELONGINGS)


def candidates(fleet: ReleaseFleet, host: str, *names: str) -> dict[str, str]:
    """The version that apt itself would install."""
    said = fleet.sh(host, "apt-cache policy %s" % " ".join(names))
    blocks = [block for block in said.replace("\n  ", "  ").splitlines() if "Candidate:" in block]
    return {block.split(":")[0]: block.split("Candidate:")[1].split()[0] for block in blocks}


def offered(fleet: ReleaseFleet, host: str, name: str) -> set[str]:
    """All versions that the host's own package manager sees in any source."""
    manager = fleet.managers[host]
    if manager == "apt":
        return {line.split("|")[1].strip() for line in fleet.sh(host, "apt-cache madison %s" % name).splitlines()}
    if manager == "dnf":
        return set(fleet.sh(host, "dnf -q --refresh repoquery --available --showduplicates --qf '%%{version}' %s" % name).split())
    said = fleet.sh(host, "zypper -n -q --no-gpg-checks search --details --match-exact -t package %s" % name)
    rows = [[cell.strip() for cell in line.split("|")] for line in said.splitlines() if "| package" in line]
    return {row[3].rpartition("-")[0] for row in rows if "(System Packages)" not in row[5]}


def releases_there(fleet: ReleaseFleet) -> list[str]:
    """What anybody sees in the folder of releases, half-made ones too."""
    return fleet.sh(REPOSITORY, "ls -A %s/releases 2>/dev/null || true" % ROOT_FOLDER).split()


def digest_of(done: Played) -> str:
    """The digest of what was just published, from the address that is told."""
    return done.text.rpartition("/releases/")[2][:64]


@contextmanager
def one_byte_changed(fleet: ReleaseFleet, path: str) -> Iterator[None]:
    """Of a file on the repository host, in its middle; its size and times stay as they were. All releases hold the same inode, so it does too."""
    script = ("python3 - %s <<'END'\nimport os, sys\nseen = os.stat(sys.argv[1])\nwith open(sys.argv[1], 'r+b') as f:\n    f.seek(seen.st_size // 2)\n"
              "    byte = f.read(1)[0]\n    f.seek(seen.st_size // 2)\n    f.write(bytes([byte ^ 1]))\n"
              "os.utime(sys.argv[1], ns=(seen.st_atime_ns, seen.st_mtime_ns))\nEND" % path)
    fleet.sh(REPOSITORY, script)
    try:
        yield
    finally:
        fleet.sh(REPOSITORY, script)


@contextmanager
def web_server_stopped(fleet: ReleaseFleet) -> Iterator[None]:
    fleet.sh(REPOSITORY, "systemctl stop nginx")
    try:
        yield
    finally:
        fleet.sh(REPOSITORY, "systemctl start nginx")


def attach_by_hand(train: Train, digest: str, keys: list[str], fails: str = "", hosts: str = "fleet") -> Played:
    """With address and keys given, as one does without a ledger."""
    task = {"name": "Attach", "fleetops.patchtrain.software_source": {
        "state": "attached", "url": "%s/releases/%s" % (train.repository["url"], digest), "digest": digest, "keys": keys}}
    train.fleet.state.mkdir(parents=True, exist_ok=True)
    book = train.fleet.state / "by_hand.yml"
    book.write_text(yaml.safe_dump([{"name": "By hand", "hosts": hosts, "become": True, "gather_facts": False, "tasks": [task]}]))
    done = train.fleet.play(str(book))
    assert (done.rc != 0 and fails in " ".join(done.text.split())) if fails else done.rc == 0, done.text[-3000:]
    return done


def same_as(fleet: ReleaseFleet, host: str, golden: str) -> None:
    """What both have installed has one version, as dpkg and rpm say it."""
    here, there = versions(fleet, host), versions(fleet, golden)
    assert {n: v for n, v in here.items() if n in there and n != "gpg-pubkey"} == {n: there[n] for n in here if n in there and n != "gpg-pubkey"}, host


def drifts(done: Played, host: str) -> list[Mapping[str, Any]]:
    """In what a host differs from its release, as the page's data say."""
    rows: list[Mapping[str, Any]] = done.host(host)["assessment"]["drift"]
    return rows


def disk_use(fleet: ReleaseFleet) -> int:
    """Of the repository in KiB, each inode once."""
    return int(fleet.sh(REPOSITORY, "du -sk %s | cut -f1" % ROOT_FOLDER))


def kill_holder(fleet: ReleaseFleet, seen: str) -> str:
    """On the repository host, as soon as a file of this pattern is there: kill whoever holds the repository's lock. Says who that was."""
    script = ("for i in $(seq 3000); do ls -d {0} >/dev/null 2>&1 && break; sleep 0.01; done; "
              "for p in /proc/[0-9]*; do if ls -l $p/fd 2>/dev/null | grep -q '{1}/.lock$'; then kill -KILL ${{p#/proc/}} && echo ${{p#/proc/}}; fi; done")
    return fleet.sh(REPOSITORY, script.format(seen, ROOT_FOLDER))


def kill_with_children(process: subprocess.Popen[str]) -> None:
    """A playbook, its workers and their connections, as a controller that loses its power."""
    for pid in [*_children(process.pid), process.pid]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.communicate()


def _children(pid: int) -> list[int]:
    try:
        direct = [int(word) for word in Path("/proc/%d/task/%d/children" % (pid, pid)).read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [*direct, *(found for child in direct for found in _children(child))]


def no_publisher(fleet: ReleaseFleet) -> None:
    """Nobody holds the repository's lock any more."""
    script = "ls -l /proc/[0-9]*/fd 2>/dev/null | grep -c '%s/.lock$' || true" % ROOT_FOLDER
    wait_for(lambda: fleet.sh(REPOSITORY, script) == "0", "all publishers to be gone")


def sign_with(fleet: ReleaseFleet, digest: str, key: str) -> None:
    """Everything of a release is signed by another key, as somebody would who got into the repository host's folders."""
    gpg = "gpg --batch --yes --quiet --no-tty --homedir %s --local-user %s --armor" % (GPG_HOME, key)
    folder = "%s/releases/%s" % (ROOT_FOLDER, digest)
    fleet.sh(REPOSITORY, "cd {0} && for f in manifest.json files.json; do {1} --output $f.asc --detach-sign $f; done; "
                         "for d in */dists/release; do [ -d $d ] && {1} --clear-sign --output $d/InRelease $d/Release && "
                         "{1} --detach-sign --output $d/Release.gpg $d/Release; done; "
                         "for d in */repodata; do [ -d $d ] && {1} --detach-sign --output $d/repomd.xml.asc $d/repomd.xml; done; true".format(folder, gpg))


def entered(done: Played, host: str) -> bool:
    """Whether a run took a host out of service, as its recorded steps say."""
    return any(step["step"] == "enter" for step in done.host(host)["steps"])
