# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Upstream is asked elsewhere than where its packages are installed: by the real apt, of a repository in a folder."""

from __future__ import annotations

import hashlib
import shutil
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import BadInput, CommandFailed
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.apt.manager import Apt
from ansible_collections.fleetops.patchtrain.plugins.module_utils.release import upstream
from ansible_collections.fleetops.patchtrain.plugins.module_utils.runner import SystemRunner
from ansible_collections.fleetops.patchtrain.plugins.module_utils.sources.disk import Disk
from ansible_collections.fleetops.patchtrain.plugins.modules.release_upstream import perform

PLATFORM = "debian-12-amd64-apt"
ROW = "Package: %s\nArchitecture: %s\nVersion: %s\nMaintainer: none\nFilename: pool/%s.deb\nSize: 9\nSHA256: %s\nDescription: x\n\n"


def index(folder: Path, *rows: str) -> None:
    """A flat repository with these packages, ``name:arch=version``."""
    folder.mkdir(exist_ok=True)
    named = [(row.partition(":")[0], *row.partition(":")[2].split("=")) for row in rows]
    text = "".join(ROW % (name, arch, version, name, "0" * 64) for name, arch, version in named)
    (folder / "Packages").write_text(text)
    now = formatdate(usegmt=True)
    (folder / "Release").write_text("Date: %s\nSHA256:\n %s %d Packages\n" % (now, hashlib.sha256(text.encode()).hexdigest(), len(text)))


def asked(tmp_path: Path, *packages: str) -> dict[str, Any]:
    rows = [{"name": p.partition(":")[0], "arch": p.partition(":")[2].split("=")[0], "version": p.partition("=")[2]} for p in packages]
    return perform(SystemRunner(), {"state": "asked", "platform": PLATFORM, "packages": rows, "security_patterns": None, "known_patterns": None,
                                    "timeout": 60.0}, str(tmp_path / "kept"))


def kept(tmp_path: Path, arch: str = "amd64") -> None:
    sources = {"files": {"0.list": "deb [trusted=yes] file:%s/up ./\n" % tmp_path}, "keys": {}, "arch": arch}
    perform(SystemRunner(), {"state": "kept", "platform": PLATFORM, "sources": sources}, str(tmp_path / "kept"))


needs_apt = pytest.mark.skipif(shutil.which("apt-get") is None or shutil.which("dpkg") is None, reason="apt is asked")


@needs_apt
def test_what_is_newer_than_the_release_is_found_and_nothing_else(tmp_path: Path) -> None:
    index(tmp_path / "up", "aa:amd64=2", "bb:all=1:1~rc1", "two:amd64=3", "two:i386=3", "not-in-it:amd64=9")
    kept(tmp_path)
    found = asked(tmp_path, "aa:amd64=1", "bb:all=1:1~rc1", "two:amd64=3", "two:i386=2", "local:all=7")
    assert [(u["name"], u["arch"], u["installed"], u["candidate"]) for u in found["updates"]] == [("aa", "amd64", "1", "2"), ("two", "i386", "2", "3")]
    assert [(p["name"], p["arch"], p["version"]) for p in found["packages"]] == [
        ("aa", "amd64", "1"), ("bb", "all", "1:1~rc1"), ("local", "all", "7"), ("two", "amd64", "3"), ("two", "i386", "2")]
    index(tmp_path / "up", "aa:amd64=3")
    assert [u["candidate"] for u in asked(tmp_path, "aa:amd64=1")["updates"]] == ["3"], "asked anew each time"


@needs_apt
def test_what_can_not_be_asked_here_says_why(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="are not kept here"):
        asked(tmp_path, "aa:amd64=1")
    kept(tmp_path, "sparc64")
    with pytest.raises(BadInput, match="no apt for sparc64"):
        asked(tmp_path, "aa:amd64=1")
    kept(tmp_path)
    with pytest.raises(CommandFailed, match="could not fetch its sources"):
        asked(tmp_path, "aa:amd64=1")


def test_sources_are_kept_for_root_alone(tmp_path: Path) -> None:
    kept(tmp_path)
    path = tmp_path / "kept" / PLATFORM / "sources.json"
    assert path.stat().st_mode & 0o077 == 0 and upstream.kept(PLATFORM, str(tmp_path / "kept"))


def test_in_check_mode_nothing_is_kept_and_a_change_is_one(tmp_path: Path) -> None:
    def told(suite: str, check: bool) -> Any:
        sources = {"files": {"0.list": "deb http://x %s main\n" % suite}, "keys": {}, "arch": "amd64"}
        return perform(SystemRunner(), {"state": "kept", "platform": PLATFORM, "sources": sources}, str(tmp_path / "kept"), check)

    assert told("a", True) == {"changed": True} and upstream.kept(PLATFORM, str(tmp_path / "kept")) is None
    assert [told("a", False), told("a", False), told("b", True)] == [{"changed": True}, {"changed": False}, {"changed": True}]
    there = upstream.kept(PLATFORM, str(tmp_path / "kept"))
    assert there is not None and "http://x a main" in there["files"]["0.list"]


def test_keys_are_named_where_they_lie_now() -> None:
    text = "deb [signed-by=/usr/share/a.gpg,/usr/share/a.gpg.asc] http://x y z\n"
    keys = {"/usr/share/a.gpg": "/k/0.gpg", "/usr/share/a.gpg.asc": "/k/1.asc"}
    assert upstream._moved(text, keys) == "deb [signed-by=/k/0.gpg,/k/1.asc] http://x y z\n"


def test_keys_of_all_sources_come_along_the_old_file_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "etc/apt"
    (folder / "trusted.gpg.d").mkdir(parents=True)
    (folder / "trusted.gpg").write_bytes(b"old")
    (folder / "trusted.gpg.d" / "trusted.gpg").write_bytes(b"new")
    monkeypatch.setattr(upstream, "Disk", lambda: Disk(str(tmp_path)))
    monkeypatch.setattr(upstream.AptSources, "originals", lambda *_any: [])
    keys = upstream.told(SystemRunner(), Apt(SystemRunner()))["keys"]
    monkeypatch.undo()
    upstream._Private(SystemRunner(), str(tmp_path / "kept"), "amd64").prepare({"files": {}, "keys": keys, "arch": "amd64"}, [])
    assert sorted(path.read_bytes() for path in (tmp_path / "kept" / "trusted").iterdir()) == [b"new", b"old"]
