# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Publishing, with the real tools."""

from __future__ import annotations

import errno
import gzip
import json
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.clock import Clock, Deadline
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import (
    BadInput,
    CommandFailed,
    LockTimeout,
    NotEnoughSpace,
    PatchtrainError,
    ToolMissing,
)
from ansible_collections.fleetops.patchtrain.plugins.module_utils.job.lock import exclusive
from ansible_collections.fleetops.patchtrain.plugins.module_utils.release.manifest import ManifestWrong
from ansible_collections.fleetops.patchtrain.plugins.module_utils.repository import publish as publishing
from ansible_collections.fleetops.patchtrain.plugins.module_utils.repository.layout import RepositoryWrong
from ansible_collections.fleetops.patchtrain.plugins.module_utils.repository.pool import FileWrong, sha256_of
from ansible_collections.fleetops.patchtrain.plugins.module_utils.repository.published import known
from ansible_collections.fleetops.patchtrain.plugins.module_utils.runner import Completed, SystemRunner
from ansible_collections.fleetops.patchtrain.plugins.modules import release_repository

from .building import APT_KEY, DNF_KEY, Built, Repository, build_deb

pytestmark = pytest.mark.tools

DISTS = f"{APT_KEY}/dists/release"


def test_the_module_from_nothing_to_nothing(repository: Repository, debs: list[Built]) -> None:
    request = repository.request({APT_KEY: debs})

    def perform(state: str, **more: Any) -> dict[str, Any]:
        given = {"root": repository.root.path, "state": state, "signing_keys": [repository.keyring.one], "gpg_home": repository.keyring.home, **more}
        return release_repository.perform({**{name: option.get("default") for name, option in release_repository.SPEC.items()}, **given}, False)

    packages = {APT_KEY: [one.package() for one in debs]}
    assert perform("known", packages=packages) == {"files": {APT_KEY: []}, "releases": []}
    done = perform("present", digest=request.digest, manifest=request.manifest, files=request.files, incoming=request.incoming)
    assert done["changed"] and done["digest"] == request.digest
    assert len(perform("known", packages=packages)["files"][APT_KEY]) == len(debs)
    assert perform("verified") == {"problems": [], "releases": [request.digest]}
    assert perform("verified", digest=request.digest, signing_keys=[])["problems"] == []
    assert not perform("signed")["changed"]
    assert perform("absent", digest=request.digest)["changed"]
    assert perform("verified") == {"problems": [], "releases": []}


@pytest.fixture
def private_umask() -> Any:
    before = os.umask(0o077)
    yield
    os.umask(before)


def test_a_release_of_both_kinds(repository: Repository, debs: list[Built], rpms: list[Built], private_umask: None) -> None:
    request = repository.request({APT_KEY: debs, DNF_KEY: rpms})
    result = repository.present(request)
    folder = repository.folder(result)
    assert result["changed"] and result["digest"] == request.digest and len(result["keys"]) == 1
    found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and "repodata" not in path.parts)
    assert found == sorted([
        "manifest.json", "manifest.json.asc", "files.json", "files.json.asc",
        f"{DISTS}/InRelease", f"{DISTS}/Release", f"{DISTS}/Release.gpg",
        *[f"{DISTS}/main/binary-{arch}/Packages{tail}" for arch in ("amd64", "i386") for tail in ("", ".gz")],
        f"{APT_KEY}/pool/tool_1.0~rc1+b1_all.deb", f"{APT_KEY}/pool/libx_2.0-1_amd64.deb", f"{APT_KEY}/pool/libx_2.0-1_i386.deb",
        f"{DNF_KEY}/Packages/tool-1.0~rc1-1.noarch.rpm"])
    assert (folder / "manifest.json").read_text() == request.manifest
    assert result["files_digest"] == sha256_of(str(folder / "files.json"))
    assert Path(repository.root.public_keys).read_text() == result["keys"][0]
    assert not list(repository.incoming.iterdir())


def test_everybody_may_read_it_whatever_the_umask(repository: Repository, debs: list[Built], rpms: list[Built], private_umask: None) -> None:
    folder = repository.folder(repository.publish({APT_KEY: debs, DNF_KEY: rpms}))
    public = [folder, *folder.rglob("*"), folder.parent, folder.parent.parent, Path(repository.root.public_keys), Path(repository.root.keys)]
    modes = {(path.is_dir(), oct(path.stat().st_mode & 0o777)) for path in public}
    assert modes == {(True, "0o755"), (False, "0o644"), (False, "0o444")}
    assert {oct(path.stat().st_mode & 0o777) for path in (repository.incoming.parent, Path(repository.root.cache))} == {"0o700"}


def test_the_indexes_for_apt(repository: Repository, debs: list[Built]) -> None:
    folder = repository.folder(repository.publish({APT_KEY: debs})) / DISTS
    text = gzip.decompress((folder / "main/binary-i386/Packages.gz").read_bytes()).decode()
    assert [line for line in text.splitlines() if line.startswith("Filename")] == [
        "Filename: pool/libx_2.0-1_i386.deb", "Filename: pool/tool_1.0~rc1+b1_all.deb"]
    release = (folder / "Release").read_text()
    for line in ("Suite: release", "Codename: release", "Architectures: amd64 i386", "Components: main"):
        assert line in release.splitlines()
    assert "Valid-Until" not in release and "MD5Sum" not in release


def test_a_file_lies_in_the_pool_once(repository: Repository, debs: list[Built]) -> None:
    first = repository.publish({APT_KEY: debs})
    second = repository.publish({APT_KEY: debs}, parent=first["digest"])
    row = debs[1].row()
    pool = Path(repository.root.pool, row["sha256"][:2], f"{row['sha256']}.deb")
    links = [repository.folder(result) / APT_KEY / "pool" / "libx_2.0-1_amd64.deb" for result in (first, second)]
    assert {path.stat().st_ino for path in links} == {pool.stat().st_ino}
    assert pool.stat().st_nlink == 3


def test_again_changes_nothing(repository: Repository, debs: list[Built], rpms: list[Built]) -> None:
    first = repository.publish({APT_KEY: debs, DNF_KEY: rpms})
    before = repository.listing()
    again = repository.publish({APT_KEY: debs, DNF_KEY: rpms}, bring=False)
    assert again == {**first, "changed": False, "releases": []}
    assert repository.listing() == before


def test_what_is_known_need_not_be_brought(repository: Repository, debs: list[Built], rpms: list[Built], tmp_path: Path) -> None:
    first = repository.publish({APT_KEY: debs[:2], DNF_KEY: rpms})
    wanted = {APT_KEY: [one.package() for one in debs], DNF_KEY: [one.package() for one in rpms]}
    found = known(repository.root, wanted)
    assert {key: [row["sha256"] for row in rows] for key, rows in found.items()} == {
        APT_KEY: [debs[1].row()["sha256"], debs[0].row()["sha256"]], DNF_KEY: [rpms[0].row()["sha256"]]}
    shutil.copy(debs[2].path, repository.incoming)
    request = repository.request({APT_KEY: debs, DNF_KEY: rpms}, bring=False, parent=first["digest"],
                                 files={**found, APT_KEY: [*found[APT_KEY], debs[2].row()]})
    assert repository.present(request)["changed"]


def test_a_pool_file_that_is_damaged_is_not_known_and_comes_again(repository: Repository, debs: list[Built]) -> None:
    repository.publish({APT_KEY: debs})
    damaged = repository.root.pool + "/{0:.2}/{0}.deb".format(debs[0].row()["sha256"])
    os.truncate(damaged, 10)
    assert [row["name"] for row in known(repository.root, {APT_KEY: [one.package() for one in debs]})[APT_KEY]] == ["libx", "libx"]
    repository.publish({APT_KEY: debs}, parent="0" * 64)
    assert sha256_of(damaged) == debs[0].row()["sha256"]


def _other_text(repository: Repository, debs: list[Built]) -> dict[str, Any]:
    manifest = repository.request({APT_KEY: debs}).manifest
    return {"manifest": manifest.replace("tool", "fool", 1)}


def _not_canonical(repository: Repository, debs: list[Built]) -> dict[str, Any]:
    text = json.dumps(json.loads(repository.request({APT_KEY: debs}).manifest))
    return {"manifest": text, "digest": publishing.digest_of(text.encode())}


def _one_less(repository: Repository, debs: list[Built]) -> dict[str, Any]:
    return {"files": {APT_KEY: [one.row() for one in debs[1:]]}}


def _one_more(repository: Repository, debs: list[Built]) -> dict[str, Any]:
    return {"files": {APT_KEY: [*(one.row() for one in debs), {**debs[0].row(), "name": "more"}]}}


def _changed(repository: Repository, debs: list[Built]) -> dict[str, Any]:
    repository.request({APT_KEY: debs})
    with open(repository.incoming / debs[0].path.name, "ab") as handle:
        handle.write(b"\n")
    return {}


def _a_link(repository: Repository, debs: list[Built]) -> dict[str, Any]:
    repository.request({APT_KEY: debs})
    (repository.incoming / debs[0].path.name).unlink()
    (repository.incoming / debs[0].path.name).symlink_to(debs[0].path)
    return {}


def _another_package(repository: Repository, debs: list[Built]) -> dict[str, Any]:
    repository.request({APT_KEY: debs})
    return {"files": {APT_KEY: [{**debs[1].row(), **debs[0].package(), "file": debs[1].path.name}, *(one.row() for one in debs[1:])]}}


def _no_key(repository: Repository, debs: list[Built]) -> dict[str, Any]:
    return {"signing_keys": []}


def _unknown_key(repository: Repository, debs: list[Built]) -> dict[str, Any]:
    return {"signing_keys": ["nobody@patchtrain.invalid"]}


def _expired_key(repository: Repository, debs: list[Built]) -> dict[str, Any]:
    return {"signing_keys": [repository.keyring.one, repository.keyring.expired]}


def _any_key(repository: Repository, debs: list[Built]) -> dict[str, Any]:
    return {"signing_keys": ["patchtrain.invalid"]}


def _no_keyring(repository: Repository, debs: list[Built]) -> dict[str, Any]:
    return {"gpg_home": str(repository.top / "none")}


Wrong = Callable[[Repository, list[Built]], dict[str, Any]]


@pytest.mark.parametrize(("wrong", "kind", "words"), [
    (_other_text, ManifestWrong, "was changed, or is another release's"),
    (_not_canonical, BadInput, "canonical"),
    (_one_less, BadInput, "have no file: tool 1:1.0~rc1+b1 (all)"),
    (_one_more, BadInput, "does not have for debian-12-amd64-apt: more 1:1.0~rc1+b1 (all)"),
    (_changed, FileWrong, "tool_1%3a1.0~rc1+b1_all.deb, has the checksum"),
    (_a_link, FileWrong, "was not brought"),
    (_another_package, FileWrong, "is the package libx 2.0-1 (amd64), and not tool 1:1.0~rc1+b1 (all)"),
    (_no_key, BadInput, "name at least one key"),
    (_unknown_key, RepositoryWrong, "has no secret key nobody@patchtrain.invalid"),
    (_expired_key, RepositoryWrong, "has expired: extend it"),
    (_any_key, RepositoryWrong, "has several secret keys that are meant by patchtrain.invalid"),
    (_no_keyring, RepositoryWrong, "there is no keyring"),
], ids=lambda value: value.__name__ if callable(value) else None)
def test_what_is_wrong_is_said_before_anything_is_written(
        repository: Repository, debs: list[Built], wrong: Wrong, kind: type[PatchtrainError], words: str) -> None:
    more = wrong(repository, debs)
    bring = wrong not in (_changed, _a_link, _another_package)
    with pytest.raises(kind) as caught:
        repository.publish({APT_KEY: debs}, bring=bring, **more)
    assert words in caught.value.message and "\n" not in caught.value.message
    assert not [name for name in repository.listing() if name.startswith(("releases", "pool", "keys"))]


def test_an_rpm_that_is_none_is_named(repository: Repository, rpms: list[Built]) -> None:
    request = repository.request({DNF_KEY: rpms})
    (repository.incoming / rpms[0].path.name).write_text("other.rpm\n")
    row = Built(repository.incoming / rpms[0].path.name, rpms[0].name, rpms[0].arch, rpms[0].version).row()
    with pytest.raises(FileWrong, match="is not an rpm package"):
        repository.present(publishing.Request(**{**vars(request), "files": {DNF_KEY: [row]}}))


def test_an_rpm_that_is_another_is_named(repository: Repository, rpms: list[Built]) -> None:
    other = Built(rpms[0].path, "tool", "noarch", "1.0~rc1-1")
    with pytest.raises(FileWrong, match=r"is the package tool 1:1.0~rc1-1 \(noarch\), and not tool 1.0~rc1-1 \(noarch\)"):
        repository.publish({DNF_KEY: [other]})


def test_an_epoch_may_be_all_that_differs(repository: Repository, tmp_path: Path) -> None:
    """Names of files have none."""
    built = [build_deb(tmp_path, "tool", version) for version in ("1.0", "1:1.0")]
    names = {path.name for path in (repository.folder(repository.publish({APT_KEY: built})) / APT_KEY / "pool").iterdir()}
    assert names == {"tool_1.0_all.deb", f"tool_1.0_all.{built[1].row()['sha256'][:12]}.deb"}


def test_another_build_of_the_same_version_is_not_taken_for_the_first(repository: Repository, tmp_path: Path) -> None:
    """Index tools remember files by name, size and time."""
    one, two = (build_deb(tmp_path / text, "tool", "1.0", text=text) for text in ("abc", "xyz"))
    repository.publish({APT_KEY: [one]})
    folder = repository.folder(repository.publish({APT_KEY: [two]}, parent="0" * 64))
    assert two.row()["sha256"] in (folder / DISTS / "main/binary-amd64/Packages").read_text()


class Lacking(SystemRunner):
    """A machine without some tools, or where one of them fails."""

    def __init__(self, *tools: str, said: str = "", times: int = 99) -> None:
        self._tools, self._said, self._times = tools, said, times

    def which(self, tool: str) -> str | None:
        return None if tool in self._tools and not self._said else super().which(tool)

    def run(self, argv: Any, *args: Any, **kwargs: Any) -> Completed:
        if self._said and self._times and set(self._tools) & set(argv):
            self._times -= 1
            return Completed(tuple(argv), 100, "", self._said)
        return super().run(argv, *args, **kwargs)


def test_missing_tools_are_named_with_their_packages(repository: Repository, debs: list[Built], rpms: list[Built]) -> None:
    repository.runner = Lacking("gpg", "apt-ftparchive", "createrepo_c")
    with pytest.raises(ToolMissing) as caught:
        repository.publish({APT_KEY: debs})
    assert caught.value.message == (
        "the repository host lacks apt-ftparchive (package apt-utils), gpg (package gnupg (Debian, Ubuntu), gnupg2 or gpg2): install it there")
    repository.runner = Lacking("apt-ftparchive", "dpkg-deb")
    assert repository.publish({DNF_KEY: rpms})["changed"]


@pytest.mark.parametrize("tool", ["apt-ftparchive", "createrepo_c", "gpg"])
def test_a_tool_that_finds_the_disk_full(repository: Repository, debs: list[Built], rpms: list[Built], tool: str) -> None:
    repository.runner = Lacking(tool, "--output" if tool == "gpg" else tool, said=f"{tool}: write: {os.strerror(errno.ENOSPC)}")
    if tool == "gpg":
        repository.runner._tools = ("--output",)
    with pytest.raises(NotEnoughSpace):
        repository.publish({APT_KEY: debs, DNF_KEY: rpms})
    _nothing_visible_and_continued(repository, {APT_KEY: debs, DNF_KEY: rpms})


@pytest.mark.parametrize("where", ["link", "fsync", "utime"])
def test_a_full_disk(repository: Repository, debs: list[Built], monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    def refuse(*_args: Any, **_kwargs: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, where, refuse)
        with pytest.raises(NotEnoughSpace, match="is full: nothing of the release is visible"):
            repository.publish({APT_KEY: debs})
    _nothing_visible_and_continued(repository, {APT_KEY: debs})


def test_a_tool_that_does_not_say_that_the_disk_is_full(repository: Repository, rpms: list[Built], monkeypatch: pytest.MonkeyPatch) -> None:
    repository.runner = Lacking("createrepo_c", said="Critical: gzclose(): file operation error")
    with pytest.raises(CommandFailed, match="file operation error"):
        repository.publish({DNF_KEY: rpms})
    with monkeypatch.context() as patched, pytest.raises(NotEnoughSpace):
        patched.setattr(os, "statvfs", lambda _path: SimpleNamespace(f_bavail=15, f_frsize=4096))
        repository.publish({DNF_KEY: rpms})
    _nothing_visible_and_continued(repository, {DNF_KEY: rpms})


def _nothing_visible_and_continued(repository: Repository, platforms: dict[str, Any]) -> None:
    assert not os.listdir(repository.root.releases)
    repository.runner = SystemRunner()
    assert repository.publish(platforms)["changed"]
    assert not list(Path(repository.root.arriving).iterdir()) and not list(Path(repository.root.unfinished).iterdir())


def test_after_a_cut_the_files_need_not_be_brought_again(repository: Repository, debs: list[Built]) -> None:
    repository.runner = Lacking("release", said="killed")
    with pytest.raises(CommandFailed):
        repository.publish({APT_KEY: debs})
    repository.runner = SystemRunner()
    found = known(repository.root, {APT_KEY: [one.package() for one in debs]})
    assert len(found[APT_KEY]) == len(debs)
    assert repository.present(repository.request({APT_KEY: debs}, bring=False, files=found))["changed"]


def test_leftovers_of_a_killed_publisher_go(repository: Repository, debs: list[Built]) -> None:
    repository.root.prepare()
    request = repository.request({APT_KEY: debs})
    for digest in (request.digest, "0" * 64):
        os.makedirs(repository.root.part(digest) + "/" + APT_KEY)
    Path(repository.root.arriving, "half").write_text("")
    for name in ("forgotten", "of-another"):
        os.mkdir(f"{repository.root.incoming}/{name}")
    os.utime(f"{repository.root.incoming}/forgotten", (0, 0))
    repository.present(request)
    assert sorted(os.listdir(repository.root.incoming)) == ["of-another", "one"]
    assert os.listdir(repository.root.releases) == [request.digest]
    assert not os.listdir(repository.root.arriving)


def test_a_memory_that_is_damaged_is_forgotten(repository: Repository, debs: list[Built]) -> None:
    repository.runner = Lacking("packages", said="DB is broken", times=1)
    assert repository.publish({APT_KEY: debs})["changed"]


def test_a_second_publisher_waits(repository: Repository, debs: list[Built]) -> None:
    repository.root.prepare()
    request = repository.request({APT_KEY: debs})
    passed = [0.0]
    clock = Clock(lambda: passed[0], lambda seconds: passed.__setitem__(0, passed[0] + seconds))
    with exclusive(repository.root.lock, "a publisher (pid 7)", repository.deadline()), pytest.raises(LockTimeout, match=r"a publisher \(pid 7\) was still"):
        publishing.present(repository.runner, repository.root, request, Deadline(600, clock))
    assert passed[0] == pytest.approx(600)


def test_two_publishers_at_once(repository: Repository, debs: list[Built], tmp_path: Path) -> None:
    requests = []
    for number, built in enumerate((debs[:2], debs[1:])):
        requests.append(repository.request({APT_KEY: built}, bring=False, incoming=str(tmp_path / str(number))))
        os.mkdir(requests[-1].incoming)
        for one in built:
            shutil.copy(one.path, requests[-1].incoming)
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(repository.present, requests))
    assert [result["changed"] for result in results] == [True, True]
    assert sorted(os.listdir(repository.root.releases)) == sorted(request.digest for request in requests)


def test_check_mode_writes_nothing(repository: Repository, debs: list[Built]) -> None:
    request = repository.request({APT_KEY: debs}, bring=False, check_mode=True)
    preview = repository.present(request)
    assert preview["changed"] and not os.path.exists(repository.root.path)
    done = repository.publish({APT_KEY: debs})
    assert done == preview
    assert repository.present(request) == {**done, "changed": False, "releases": []}


def test_module_streams_come_along(repository: Repository, rpms: list[Built]) -> None:
    text = "---\ndocument: modulemd-defaults\nversion: 1\ndata:\n  module: nodejs\n  stream: '20'\n...\n"
    request = repository.request({DNF_KEY: rpms}, modules={DNF_KEY: ["m.yaml", "n.yaml"]})
    with pytest.raises(RepositoryWrong, match=r"module streams of almalinux-9-x86_64-dnf, .*m.yaml, was not brought"):
        repository.present(request)
    (repository.incoming / "m.yaml").write_text(text)
    (repository.incoming / "n.yaml").write_text(text.replace("nodejs", "php"))
    folder = repository.folder(repository.present(request)) / DNF_KEY / "repodata"
    path, = folder.glob("*modules.yaml.gz")
    assert gzip.decompress(path.read_bytes()).decode() == text + text.replace("nodejs", "php")
    assert '<data type="modules">' in (folder / "repomd.xml").read_text()
    without = repository.publish({DNF_KEY: rpms}, parent=os.path.basename(folder.parent.parent))
    assert 'type="modules"' not in (repository.folder(without) / DNF_KEY / "repodata/repomd.xml").read_text()


def test_advisories_come_along(repository: Repository, rpms: list[Built]) -> None:
    update = {"version": "1:1.0~rc1-1", "classification": "security", "severity": "important", "advisories": ["A-1"], "cves": ["CVE-2026-1000"]}
    told = Built(rpms[0].path, rpms[0].name, rpms[0].arch, rpms[0].version, [update])
    folder = repository.folder(repository.publish({DNF_KEY: [told]})) / DNF_KEY / "repodata"
    path, = folder.glob("*updateinfo.xml.gz")
    assert b"<id>A-1</id>" in gzip.decompress(path.read_bytes())
