# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which CVEs lie between two versions, by the changelogs inside packages."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import BadInput
from ansible_collections.fleetops.patchtrain.plugins.module_utils.repository.archive import changelog
from ansible_collections.fleetops.patchtrain.plugins.module_utils.repository.changelog import (
    cves_between,
    entries,
    source_version,
    without_rebuild,
)
from ansible_collections.fleetops.patchtrain.plugins.module_utils.repository.changes import changes
from ansible_collections.fleetops.patchtrain.plugins.module_utils.repository.pool import FileWrong

from .building import APT_KEY, Built, Keyring, Repository, build_deb, run

DATA = Path(__file__).parent / "data"
SUDO = (DATA / "sudo.changelog").read_text()


def packed(text: str) -> bytes:
    return gzip.compress(text.encode())


def test_the_entries_of_a_real_changelog() -> None:
    assert [entry.version for entry in entries(SUDO)] == [
        "1.9.13p3-1+deb12u4", "1.9.13p3-1+deb12u3", "1.9.13p3-1+deb12u2", "1.9.13p3-1+deb12u1", "1.9.13p3-1", "1.9.13p1-1", "1.9.12p2-1"]


@pytest.mark.parametrize(("after", "until", "cves"), [
    ("1.9.13p3-1+deb12u1", "1.9.13p3-1+deb12u4", ["CVE-2025-32462", "CVE-2026-35535"]),
    ("1.9.13p3-1+deb12u2", "1.9.13p3-1+deb12u4", ["CVE-2026-35535"]),
    ("1.9.13p3-1+deb12u1", "1.9.13p3-1+deb12u3", ["CVE-2025-32462"]),
    ("1.9.13p3-1", "1.9.13p3-1+deb12u1", []),
    ("1.9.11", "1.9.13p3-1", ["CVE-2023-22809", "CVE-2023-27320"]),
    ("1.9.13p3-1+deb12u4", "1.9.13p3-1+deb12u4+b1", []),
])
def test_the_cves_of_a_real_changelog(after: str, until: str, cves: list[str]) -> None:
    assert cves_between(SUDO, after, until) == cves


def test_versions_of_source_and_rebuilds() -> None:
    assert source_version("Source: lvm2 (2.03.16-2)\nVersion: 2:1.02.185-2\n", "2:1.02.185-2") == "2.03.16-2"
    assert source_version("Source: openssl\nVersion: 3.0.22-1~deb12u2\n", "3.0.22-1~deb12u2") == "3.0.22-1~deb12u2"
    assert source_version("Version: 1\n", "1") == "1"
    assert [without_rebuild(version) for version in ("1.0-1+b1", "1.0-1+b1+b12", "1.0+b1-1")] == ["1.0-1", "1.0-1+b1", "1.0+b1-1"]


@pytest.mark.parametrize("compression", ["gzip", "xz", "none", "zstd"])
def test_all_compressions(tmp_path: Path, repository: Repository, compression: str) -> None:
    tree = tmp_path / "t"
    built = build_deb(tmp_path, "sudo", "1", files={"usr/share/doc/sudo/changelog.Debian.gz": packed(SUDO), "usr/share/doc/sudo/changelog.gz": packed("no")})
    run("dpkg-deb", "--raw-extract", built.path, tree)
    run("dpkg-deb", f"-Z{compression}", "--build", tree, built.path)
    assert changelog(repository.runner, str(built.path), "sudo", repository.deadline()).text == SUDO


def test_a_changelog_of_a_native_package_and_none_at_all(tmp_path: Path, repository: Repository) -> None:
    native = build_deb(tmp_path, "native", "1", files={"usr/share/doc/native/changelog.gz": packed(SUDO)})
    assert changelog(repository.runner, str(native.path), "native", repository.deadline()).text == SUDO
    bare = build_deb(tmp_path, "bare", "1")
    assert changelog(repository.runner, str(bare.path), "bare", repository.deadline()) == (None, "")


@pytest.mark.parametrize("content", [b"", b"!<arch>\n", b"no package", b"!<arch>\n" + b"data.tar.gz".ljust(48) + b"7".ljust(10) + b"`\nnothing"])
def test_a_file_that_is_no_package(tmp_path: Path, repository: Repository, content: bytes) -> None:
    (tmp_path / "x.deb").write_bytes(content)
    with pytest.raises(FileWrong, match="can't be read as a package"):
        changelog(repository.runner, str(tmp_path / "x.deb"), "x", repository.deadline())


@pytest.fixture(scope="module")
def published(keyring: Keyring, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """One package with a changelog, one whose documentation is that one's, one counted otherwise than its source, one without."""
    tmp_path = tmp_path_factory.mktemp("changes")
    repository = Repository(tmp_path / "host", keyring)
    doc = {"usr/share/doc/sudo/changelog.Debian.gz": packed(SUDO)}
    lvm = {"usr/share/doc/dmsetup/changelog.Debian.gz": packed((DATA / "dmsetup.changelog").read_text().replace("* Remove", "* CVE-2022-1234 Remove"))}
    link = tmp_path / "link"
    built = build_deb(tmp_path, "sudo-doc", "1.9.13p3-1+deb12u4+b1", more="Source: sudo (1.9.13p3-1+deb12u4)\n")
    run("dpkg-deb", "--raw-extract", built.path, link)
    (link / "usr/share/doc").mkdir(parents=True)
    (link / "usr/share/doc/sudo-doc").symlink_to("sudo")
    run("dpkg-deb", "-Zgzip", "--build", link, built.path)
    shutil.rmtree(link)
    packages: list[Built] = [
        built, build_deb(tmp_path, "sudo", "1.9.13p3-1+deb12u4", files=doc), build_deb(tmp_path, "bare", "2"),
        build_deb(tmp_path, "dmsetup", "2:1.02.185-2", files=lvm, more="Source: lvm2 (2.03.16-2)\n"),
    ]
    first = repository.publish({APT_KEY: packages})
    repository.publish({APT_KEY: [build_deb(tmp_path, "dmsetup", "2:1.02.185-1", more="Source: lvm2 (2.03.15-2)\n")]}, parent=first["digest"])
    return repository


@pytest.mark.parametrize(("name", "before", "after", "cves", "reason"), [
    ("sudo", "1.9.13p3-1", "1.9.13p3-1+deb12u4", ["CVE-2025-32462", "CVE-2026-35535"], ""),
    ("sudo", "1.9.13p3-1+deb12u4", "1.9.13p3-1+deb12u3", ["CVE-2026-35535"], ""),
    ("sudo-doc", "1.9.13p3-1+deb12u2", "1.9.13p3-1+deb12u4+b1", ["CVE-2026-35535"], ""),
    ("dmsetup", "2:1.02.185-1", "2:1.02.185-2", ["CVE-2022-1234"], ""),
    ("dmsetup", "2:1.02.184-1", "2:1.02.185-2", [], "counts other versions"),
    ("bare", "1", "2", [], "has no changelog"),
    ("sudo", "1.9.13p3-1", "1.9.13p3-1+deb12u5", [], "has no file of sudo 1.9.13p3-1+deb12u5"),
])
def test_what_lies_between(published: Repository, name: str, before: str, after: str, cves: list[str], reason: str) -> None:
    asked = {"name": name, "arch": "all", "from": before, "to": after}
    found, = changes(published.runner, published.root, [asked], published.deadline())
    assert reason in found.pop("reason")
    assert found == {**asked, "cves": cves, "changelog": not reason}


@pytest.mark.parametrize("more", [{"from": ""}, {"to": None}])
def test_a_package_without_versions(repository: Repository, more: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match=f"has no {next(iter(more))}"):
        changes(repository.runner, repository.root, [{"name": "a", "arch": "all", "from": "1", "to": "2", **more}], repository.deadline())
