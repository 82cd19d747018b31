# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of releases after they were published: keys are rotated, disks rot, releases go."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import BadInput
from ansible_collections.fleetops.patchtrain.plugins.module_utils.repository.layout import RepositoryWrong
from ansible_collections.fleetops.patchtrain.plugins.module_utils.repository.publish import remove, sign_all
from ansible_collections.fleetops.patchtrain.plugins.module_utils.repository.signing import Gpg
from ansible_collections.fleetops.patchtrain.plugins.module_utils.repository.verify import verify

from .building import APT_KEY, DNF_KEY, Built, Keyring, Repository

pytestmark = pytest.mark.tools

DISTS = f"{APT_KEY}/dists/release"


@pytest.fixture(scope="module")
def published(keyring: Keyring, debs: list[Built], rpms: list[Built], tmp_path_factory: pytest.TempPathFactory) -> tuple[Repository, list[str]]:
    """Two releases, of which the second has one file more of one platform and none of the other."""
    repository = Repository(tmp_path_factory.mktemp("upkeep"), keyring)
    first = repository.publish({APT_KEY: debs[:2], DNF_KEY: rpms})
    return repository, [first["digest"], repository.publish({APT_KEY: debs[1:]}, parent=first["digest"])["digest"]]


@pytest.fixture
def repository(published: tuple[Repository, list[str]], tmp_path: Path) -> Repository:
    return published[0].copy(tmp_path / "copy")


@pytest.fixture
def releases(repository: Repository, published: tuple[Repository, list[str]]) -> list[Path]:
    return [Path(repository.root.release(digest)) for digest in published[1]]


def problems(repository: Repository, *digests: str, keys: tuple[str, ...] = ()) -> list[str]:
    return verify(repository.runner, repository.root, digests or repository.root.published(), repository.keyring.home, keys, repository.deadline())


def renew(repository: Repository, *keys: str, check_mode: bool = False) -> list[str]:
    result = sign_all(repository.runner, repository.root, keys, repository.keyring.home, check_mode, repository.deadline())
    assert result["changed"] == bool(result["releases"]) and len(result["keys"]) == len(keys)
    return sorted(result["releases"])


def signers(repository: Repository, path: Path) -> set[str]:
    gpg = Gpg(repository.runner, repository.keyring.home, repository.deadline())
    return set(gpg.verify(str(path), None if path.name == "InRelease" else str(path).rsplit(".", 1)[0]).good)


def test_keys_are_rotated_with_overlap(repository: Repository, releases: list[Path]) -> None:
    one, two = repository.keyring.one, repository.keyring.two
    names = sorted(folder.name for folder in releases)
    signatures = [path for folder in releases for path in folder.rglob("*") if path.name.endswith((".asc", ".gpg")) or path.name == "InRelease"]
    assert len(signatures) == 4 + 4 + 1
    before = {name: seen for name, seen in repository.listing().items() if not any(name.endswith(str(path.name)) for path in signatures)}
    assert renew(repository, one, two, check_mode=True) == names
    assert {frozenset(signers(repository, path)) for path in signatures} == {frozenset({one})}
    assert renew(repository, one, two) == names
    assert {frozenset(signers(repository, path)) for path in signatures} == {frozenset({one, two})}
    assert Path(repository.root.public_keys).read_text().count("BEGIN PGP PUBLIC KEY BLOCK") == 2
    assert renew(repository, two) == names
    assert {frozenset(signers(repository, path)) for path in signatures} == {frozenset({two})}
    assert renew(repository, two) == []
    after = repository.listing()
    assert {name: after[name] for name in before if name != "keys/release.asc"} == {name: before[name] for name in before if name != "keys/release.asc"}
    assert problems(repository) == []


def test_the_oldest_key_signs_last(keyring: Keyring, repository: Repository) -> None:
    """zypper looks at the last signature only."""
    gpg = Gpg(repository.runner, keyring.home, repository.deadline())
    assert gpg.signing([keyring.two, "one@patchtrain.invalid", keyring.one]) == (keyring.one, keyring.two)


def test_what_is_published_already_gets_the_signatures_that_are_asked_for(repository: Repository, debs: list[Built]) -> None:
    first = repository.publish({APT_KEY: debs})
    both = [repository.keyring.one, "two@patchtrain.invalid"]
    again = repository.publish({APT_KEY: debs}, bring=False, signing_keys=both)
    assert again["changed"] and len(again["keys"]) == 2
    assert signers(repository, repository.folder(first) / DISTS / "InRelease") == {repository.keyring.one, repository.keyring.two}
    assert problems(repository, first["digest"], keys=(repository.keyring.one, repository.keyring.two)) == []


def test_keys_of_other_releases_stay_published(repository: Repository, debs: list[Built]) -> None:
    repository.publish({APT_KEY: debs}, signing_keys=[repository.keyring.two])
    assert Path(repository.root.public_keys).read_text().count("BEGIN PGP PUBLIC KEY BLOCK") == 2
    assert problems(repository) == []


def test_half_a_signature_goes(repository: Repository, releases: list[Path]) -> None:
    (releases[0] / ".new-manifest.json.asc").write_text("half")
    os.unlink(releases[0] / "manifest.json.asc")
    assert renew(repository, repository.keyring.one) == [releases[0].name]
    assert not list(releases[0].glob(".new*"))


def test_a_manifest_that_was_changed_is_not_signed(repository: Repository, releases: list[Path], debs: list[Built]) -> None:
    path = releases[0] / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b"tool", b"fool"))
    with pytest.raises(BadInput, match="was changed, or is another release's"):
        renew(repository, repository.keyring.two)


def _nothing(folder: Path) -> None:
    pass


def _manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text("{}\n")


def _files(folder: Path) -> None:
    os.unlink(folder / "files.json")


def _package(folder: Path) -> None:
    path = folder / APT_KEY / "pool" / "tool_1.0~rc1+b1_all.deb"
    with open(path, "r+b") as handle:
        handle.seek(20)
        handle.write(b"x")


def _package_gone(folder: Path) -> None:
    os.unlink(folder / DNF_KEY / "Packages" / "tool-1.0~rc1-1.noarch.rpm")


def _package_more(folder: Path) -> None:
    (folder / DNF_KEY / "Packages" / "more.rpm").write_text("")


def _index(folder: Path) -> None:
    path = folder / DISTS / "main/binary-amd64/Packages"
    path.write_text(path.read_text().replace("libx", "liby"))


def _index_gone(folder: Path) -> None:
    os.unlink(folder / DISTS / "main/binary-amd64/Packages.gz")


def _metadata(folder: Path) -> None:
    path, = (folder / DNF_KEY / "repodata").glob("*-primary.xml.gz")
    path.write_bytes(path.read_bytes()[:-9])


def _unsigned(folder: Path) -> None:
    os.unlink(folder / DNF_KEY / "repodata" / "repomd.xml.asc")


def _signed_otherwise(folder: Path) -> None:
    shutil.copy(folder / "files.json.asc", folder / "manifest.json.asc")


def _clear(folder: Path) -> None:
    path = folder / DISTS / "Release"
    path.write_text(path.read_text().replace("Label: patchtrain", "Label: patchtrains"))


@pytest.mark.parametrize(("damage", "words"), [
    (_nothing, []),
    (_manifest, ["the manifest has the digest"]),
    (_files, ["/files.json can't be read"]),
    (_package, ["/tool_1.0~rc1+b1_all.deb was changed: it is not the file with the checksum"]),
    (_package_gone, ["/tool-1.0~rc1-1.noarch.rpm is missing"]),
    (_package_more, ["/more.rpm is no file of the release"]),
    (_index, ["/Packages was changed", "for debian-12-amd64-apt does not have the release's packages: pool/libx_2.0-1_amd64.deb"]),
    (_index_gone, ["/Packages.gz is missing"]),
    (_metadata, ["-primary.xml.gz was changed", "/repodata: Compressed file ended"]),
    (_unsigned, ["/repomd.xml.asc is missing"]),
    (_signed_otherwise, ["/manifest.json.asc does not match (key "]),
    (_clear, ["/Release.gpg does not match (key ", "/InRelease does not say what"]),
], ids=lambda value: value.__name__ if callable(value) else "")
def test_damage_is_named(repository: Repository, releases: list[Path], damage: Callable[[Path], None], words: list[str]) -> None:
    damage(releases[0])
    found = problems(repository, releases[0].name)
    assert len(found) == len(words), found
    for line, word in zip(found, words):
        assert word in line


def test_a_pool_file_that_is_gone_is_named(repository: Repository, releases: list[Path], debs: list[Built]) -> None:
    os.unlink(repository.root.pool + "/{0:.2}/{0}.deb".format(debs[0].row()["sha256"]))
    assert [line.split(" is missing in the pool")[0] for line in problems(repository)] == [
        str(releases[0] / APT_KEY / "pool" / "tool_1.0~rc1+b1_all.deb")]


def test_signatures_by_another_key_are_named(repository: Repository, releases: list[Path]) -> None:
    found = problems(repository, releases[1].name, keys=(repository.keyring.two,))
    assert len(found) == 4 and all(line.endswith(f"is not by the key {repository.keyring.two}") for line in found)


def test_without_the_published_keys_nothing_can_be_said(repository: Repository, releases: list[Path]) -> None:
    os.unlink(repository.root.public_keys)
    with pytest.raises(RepositoryWrong, match="no signature can be checked"):
        problems(repository)


def test_a_release_that_is_not_there_can_not_be_checked(repository: Repository, releases: list[Path]) -> None:
    with pytest.raises(BadInput, match="there is no release 0000"):
        problems(repository, "0" * 64)


def test_a_release_goes_with_what_no_other_holds(repository: Repository, releases: list[Path], debs: list[Built], rpms: list[Built]) -> None:
    first, second = (folder.name for folder in releases)
    assert remove(repository.root, first, True, repository.deadline())["changed"] and releases[0].is_dir()
    assert remove(repository.root, first, False, repository.deadline()) == {"changed": True, "digest": first, "releases": [first]}
    assert os.listdir(repository.root.releases) == [second]
    left = {Path(name).name.partition(".")[0] for name in repository.listing() if name.startswith("pool")}
    assert left == {one.row()["sha256"] for one in debs[1:]}
    assert problems(repository) == []
    assert remove(repository.root, first, False, repository.deadline()) == {"changed": False, "digest": first, "releases": []}


@pytest.mark.parametrize("digest", ["..", "", "x" * 64, "0" * 63])
def test_what_is_no_digest_removes_nothing(repository: Repository, digest: str) -> None:
    with pytest.raises(BadInput, match="is not the digest of a release"):
        remove(repository.root, digest, False, repository.deadline())
