# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Downloads of exactly named packages: what is looked up is checked on transcripts of real tools, what becomes of files on small ones."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import BadInput, CommandFailed, TransactionImpossible
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages import payload
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.apt.fetch import Fetch as AptFetch
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.dnf.fetch import Fetch as DnfFetch
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.dnf.modules import Described
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.records import Wanted
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.zypper.fetch import Fetch as ZypperFetch
from ansible_collections.fleetops.patchtrain.plugins.module_utils.release import download as module
from ansible_collections.fleetops.patchtrain.plugins.module_utils.release.download import Fetcher, Order, download, order
from ansible_collections.fleetops.patchtrain.plugins.module_utils.runner import Completed
from ansible_collections.fleetops.patchtrain.plugins.modules import package_download
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .desk import DebianHost, RpmHost, Transcript

WEB, EPOCH, TILDE = Wanted("web", "all", "1.1"), Wanted("shell", "amd64", "1:4.13+dfsg1-1"), Wanted("lib++", "amd64", "2.0~rc1-1")
DEBS = {WEB: b"the web", EPOCH: b"a shell", TILDE: b"a library"}
OLD, NEW, ANCHOR = Wanted("web", "noarch", "1.0-1"), Wanted("web", "noarch", "1.1-1"), Wanted("anchor", "x86_64", "2:0.9~rc1-1")




def ordered(folder: Path, *wanted: Wanted, dry: bool = False) -> Order:
    return Order(tuple(sorted(wanted, key=lambda i: (i.name, i.arch, i.version))), str(folder / "out"), 60.0, dry)


def brought(fetcher: Fetcher, folder: Path, *wanted: Wanted) -> dict[str, bytes]:
    """Names and contents of the files, after a download of which the result agrees with the folder."""
    found = download(fetcher, ordered(folder, *wanted))
    contents = {path.name: path.read_bytes() for path in (folder / "out").iterdir()}
    assert {file["file"]: (file["size"], file["sha256"]) for file in found["files"]} == {
        name: (len(content), hashlib.sha256(content).hexdigest()) for name, content in contents.items()}
    assert [(f["name"], f["arch"], f["version"]) for f in found["files"]] == sorted((i.name, i.arch, i.version) for i in wanted)
    assert found["missing"] == []
    return contents


# ---------------------------------------------------------------- what real tools say

def test_apt_finds_what_is_there_and_says_of_the_rest_why_not() -> None:
    fetch = AptFetch(Transcript("apt-fetch"))
    there = [Wanted("openssl", "amd64", "3.0.20-1~deb12u2"), Wanted("passwd", "amd64", "1:4.13+dfsg1-1+deb12u2"), Wanted("patchlab-web", "all", "1.1")]
    lacking = {Wanted("patchlab-web", "amd64", "1.1"): "its sources have this version for all",
               Wanted("patchlab-web", "all", "0.9"): "its sources have 1.1, 1.0", Wanted("patchlab-none", "all", "1.0"): "no source has any version of it"}
    assert fetch.look(there + list(lacking)) == lacking


def test_dnf_finds_what_is_there_and_says_of_the_rest_why_not() -> None:
    fetch = DnfFetch(Transcript("dnf-fetch"))
    web = [Wanted("patchlab-web", "noarch", "1.0-1"), Wanted("patchlab-web", "noarch", "1.1-1")]
    lib, none = Wanted("patchlab-lib", "noarch", "0.9-1"), Wanted("patchlab-none", "noarch", "1.0-1")
    found = fetch.look([*web, lib, none])
    assert (set(found), found[none]) == ({lib, none}, "no source has any version of it")
    assert re.fullmatch(r"its sources have 1\.0-1, 1\.1-1(, 1\.2-1)?", found[lib])


def test_zypper_finds_what_is_there_and_says_of_the_rest_why_not() -> None:
    fetch = ZypperFetch(Transcript("zypper-fetch"))
    web = [Wanted("patchlab-web", "noarch", "1.0-1"), Wanted("patchlab-web", "noarch", "1.1-1")]
    lib, none = Wanted("patchlab-lib", "noarch", "0.9-1"), Wanted("patchlab-none", "noarch", "1.0-1")
    found = fetch.look([*web, lib, none])
    assert (set(found), found[none]) == ({lib, none}, "no source has any version of it")
    assert found[lib].startswith("its sources have 1.")


@pytest.mark.parametrize(("scene", "fetch"), [("dnf-fetch", DnfFetch), ("zypper-fetch", ZypperFetch)])
def test_files_of_real_rpm_tools_are_told_apart_by_what_they_are(scene: str, fetch: Any, tmp_path: Path) -> None:
    """The recorded download left these files in its folder."""
    wanted = [Wanted("patchlab-web", "noarch", "1.0-1"), Wanted("patchlab-web", "noarch", "1.1-1")]
    runner = Transcript(scene, str(tmp_path))
    query = next(argv for argv in runner.runs if argv[:2] == ("rpm", "-qp"))
    for path in map(Path, query[query.index("--") + 1:]):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(path.name)
    asked = fetch(runner)
    asked.look([*wanted, Wanted("patchlab-lib", "noarch", "0.9-1"), Wanted("patchlab-none", "noarch", "1.0-1")])
    found = asked.fetch(wanted, str(tmp_path), 60.0)
    assert {item: Path(path).read_text() for item, path in found.items()} == {
        item: f"patchlab-web-{item.version}.noarch.rpm" for item in wanted}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["patchlab-web-1.0-1.noarch.rpm", "patchlab-web-1.1-1.noarch.rpm"]


# ---------------------------------------------------------------- apt

def test_files_of_apt_come_under_its_own_names(tmp_path: Path) -> None:
    found = brought(AptFetch(DebianHost(DEBS, tmp_path)), tmp_path, *DEBS)
    assert found == {"web_1.1_all.deb": b"the web", "shell_1%3a4.13+dfsg1-1_amd64.deb": b"a shell", "lib++_2.0~rc1-1_amd64.deb": b"a library"}


def test_the_folder_is_for_nobody_else(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir(mode=0o755)
    brought(AptFetch(DebianHost(DEBS, tmp_path)), tmp_path, WEB)
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o700


def test_a_second_run_fetches_nothing_and_one_damaged_file_alone(tmp_path: Path) -> None:
    host = DebianHost(DEBS, tmp_path)
    brought(AptFetch(host), tmp_path, *DEBS)
    host.sent.clear()
    assert download(AptFetch(host), ordered(tmp_path, *DEBS))["changed"] is False
    (tmp_path / "out" / host.file(WEB)).write_bytes(b"the wex")
    host.sent[WEB] = DEBS[WEB]
    assert download(AptFetch(host), ordered(tmp_path, *DEBS))["changed"] is True
    assert (tmp_path / "out" / host.file(WEB)).read_bytes() == b"the web"
    assert host.count("download") == 2


def test_a_file_in_the_cache_counts_only_if_it_is_the_index_s(tmp_path: Path) -> None:
    host = DebianHost(DEBS, tmp_path)
    (tmp_path / host.file(WEB)).write_bytes(b"the web")
    (tmp_path / host.file(EPOCH)).write_bytes(b"A shell")
    del host.sent[WEB]
    assert brought(AptFetch(host), tmp_path, WEB, EPOCH)[host.file(EPOCH)] == b"a shell"


@pytest.mark.parametrize(("sent", "message"), [
    ({WEB: b"other"}, "web 1.1 (all) has the SHA-256 d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa, and its source says"),
    ({}, "web 1.1 (all) did not come")])
def test_what_comes_and_is_not_the_index_s_is_refused_and_not_kept(sent: dict[Wanted, bytes], message: str, tmp_path: Path) -> None:
    host = DebianHost(DEBS, tmp_path)
    host.sent = sent
    with pytest.raises(CommandFailed, match=re.escape(message)):
        download(AptFetch(host), ordered(tmp_path, WEB))
    assert list((tmp_path / "out").iterdir()) == []


def test_a_link_in_the_folder_is_not_followed(tmp_path: Path) -> None:
    host = DebianHost(DEBS, tmp_path)
    (tmp_path / "out").mkdir()
    (tmp_path / "mine").write_bytes(b"the web")
    (tmp_path / "out" / host.file(WEB)).symlink_to(tmp_path / "mine")
    brought(AptFetch(host), tmp_path, WEB)
    assert not (tmp_path / "out" / host.file(WEB)).is_symlink()


def test_a_source_that_apt_does_not_accept_has_nothing(tmp_path: Path) -> None:
    host = DebianHost(DEBS, tmp_path, trusted=False)
    with pytest.raises(TransactionImpossible, match="only in a source whose signature apt does not accept: http://mirror.example/main stable/main"):
        download(AptFetch(host), ordered(tmp_path, WEB))
    assert host.count("download") == 0


def test_thousands_are_few_calls(tmp_path: Path) -> None:
    many = {Wanted(f"package{number}", "all", "1.0"): b"%d" % number for number in range(1200)}
    host = DebianHost(many, tmp_path)
    brought(AptFetch(host), tmp_path, *many)
    assert (host.count("download"), host.count("show"), host.count("policy")) == (3, 1, 1)


# ---------------------------------------------------------------- dnf and zypper

@pytest.mark.parametrize("plugin", [True, False])
def test_files_of_rpms_come_under_the_names_that_rpm_gives(plugin: bool, tmp_path: Path) -> None:
    host = RpmHost([OLD, NEW, ANCHOR], plugin=plugin)
    host.installed = [NEW]
    host.brings.append(Wanted("dependency", "noarch", "1-1"))
    found = brought(DnfFetch(host), tmp_path, OLD, NEW, ANCHOR)
    assert set(found) == {"web-1.0-1.noarch.rpm", "web-1.1-1.noarch.rpm", "anchor-0.9~rc1-1.x86_64.rpm"}
    assert (host.count("download"), host.count("reinstall"), host.count("install")) == ((1, 0, 0) if plugin else (0, 1, 1))
    assert all("anchor-2:0.9~rc1-1.x86_64" in argv for argv in host.ran if "download" in argv)


def test_a_tool_that_brings_something_else_is_not_believed(tmp_path: Path) -> None:
    host = RpmHost([OLD])
    host.brings = [Wanted("web", "noarch", "1.0-2")]
    with pytest.raises(CommandFailed, match=re.escape("dnf did not bring web-1.0-1.noarch")):
        download(DnfFetch(host), ordered(tmp_path, OLD))


@pytest.mark.parametrize("gpgcheck", [True, False])
def test_signatures_are_asked_for_where_the_source_asks_for_them(gpgcheck: bool, tmp_path: Path) -> None:
    host = RpmHost([OLD, NEW], gpgcheck=gpgcheck)
    brought(DnfFetch(host), tmp_path, OLD, NEW)
    checks = [argv for argv in host.ran if "--checksig" in argv]
    assert ["_pkgverify_level signature" in argv for argv in checks] == [gpgcheck]
    assert ["--nosignature" in argv for argv in checks] == [not gpgcheck]


def test_a_wrong_signature_is_named_and_nothing_is_handed_over(tmp_path: Path) -> None:
    host = RpmHost([OLD, NEW])
    host.bad = ["web-1.1-1.noarch.rpm"]
    with pytest.raises(CommandFailed, match=re.escape("(rpm --import): web-1.1-1.noarch.rpm: digests SIGNATURES NOT OK")):
        download(DnfFetch(host), ordered(tmp_path, OLD, NEW))
    assert [path.name for path in (tmp_path / "out").iterdir()] == [payload.PART]


def test_what_was_brought_before_is_given_back_to_dnf(tmp_path: Path) -> None:
    host = RpmHost([OLD])
    brought(DnfFetch(host), tmp_path, OLD)
    host.brings = []
    assert download(DnfFetch(host), ordered(tmp_path, OLD))["changed"] is False


def test_without_the_plugin_two_versions_are_never_asked_for_together(tmp_path: Path) -> None:
    host = RpmHost([OLD, NEW, ANCHOR], plugin=False)
    host.installed = [Wanted("shell", "noarch", "1-1")]
    brought(DnfFetch(host), tmp_path, OLD, NEW, ANCHOR)
    calls = [list(argv[argv.index("--") + 1:]) for argv in host.ran if "install" in argv]
    assert calls == [["anchor-2:0.9~rc1-1.x86_64", "web-0:1.0-1.noarch"], ["web-0:1.1-1.noarch"]]


def test_dnf_names_the_file_that_its_index_does_not_know(tmp_path: Path) -> None:
    """Above its error dnf says which; the error itself does not."""
    host = RpmHost([OLD])
    host.fails = ('Package "web-1.0-1.noarch" from local repository "main" has incorrect checksum\n'
                  "Error: Some packages from local repository have incorrect checksum\n")
    with pytest.raises(CommandFailed, match='dnf can\'t download: Package "web-1.0-1.noarch" from local repository "main" has incorrect checksum$'):
        download(DnfFetch(host), ordered(tmp_path, OLD))


UNSIGNED = """<?xml version='1.0'?>
<stream>
<message type="info">signedp-1.2~rc1+x^git-1.noarch.rpm:
    Package is not signed!
</message>
<message type="error">signedp-2:1.2~rc1+x^git-1.noarch (yard): Signature verification failed [6-File is unsigned]</message>
<prompt id="4">
<text>Abort, retry, ignore?</text>
<option default="1" value="a" desc=""/>
</prompt>
<message type="error">ABORT request: User requested to abort</message>
</stream>
"""


def test_zypper_that_gives_up_is_a_failure_though_it_ends_with_zero(tmp_path: Path) -> None:
    """Recorded from zypper 1.14."""
    wanted = [Wanted("patchlab-web", "noarch", "1.0-1"), Wanted("patchlab-web", "noarch", "1.1-1")]
    runner = Transcript("zypper-fetch", str(tmp_path))
    argv = next(argv for argv in runner.runs if "download" in argv)
    runner.runs[argv] = Completed(argv, 0, UNSIGNED, "")
    with pytest.raises(CommandFailed, match=re.escape(
            "zypper can't download: signedp-2:1.2~rc1+x^git-1.noarch (yard): Signature verification failed [6-File is unsigned]") + "$"):
        ZypperFetch(runner).fetch(wanted, str(tmp_path), 60.0)


# ---------------------------------------------------------------- all of them

def test_all_that_is_missing_is_named_before_anything_is_fetched(tmp_path: Path) -> None:
    host = DebianHost(DEBS, tmp_path)
    gone = [Wanted(f"gone{number}", "all", "1.0") for number in range(7)]
    with pytest.raises(TransactionImpossible, match=re.escape(
            "7 packages are in no source of this host: gone0 1.0 all (no source has any version of it), gone1")) as caught:
        download(AptFetch(host), ordered(tmp_path, WEB, *gone))
    assert caught.value.message.endswith(", and 2 more")
    assert [one["name"] for one in caught.value.data["missing"]] == [item.name for item in gone]
    assert (host.count("download"), (tmp_path / "out").exists()) == (0, False)


def test_looking_alone_changes_nothing_and_does_not_fail(tmp_path: Path) -> None:
    host = DebianHost(DEBS, tmp_path)
    found = download(AptFetch(host), ordered(tmp_path, WEB, Wanted("gone", "all", "1.0"), dry=True))
    assert found == {"changed": True, "files": [], "modules": None, "missing_streams": [], "missing": [
        {"name": "gone", "arch": "all", "version": "1.0", "reason": "no source has any version of it"}]}
    assert (host.count("download"), (tmp_path / "out").exists()) == (0, False)


def test_no_packages_are_no_question(tmp_path: Path) -> None:
    host = DebianHost(DEBS, tmp_path)
    assert download(AptFetch(host), ordered(tmp_path)) == {"changed": False, "files": [], "modules": None, "missing": [], "missing_streams": []}
    assert host.ran == []


NASTY = st.sampled_from(["-o", "--", "a b", "", "a;b", "$(x)", "a/../b", "~i", "?essential", "*", "a\nb", "@core", ">=1", "a%b"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(nasty=NASTY, field=st.sampled_from(["name", "arch", "version"]), which=st.sampled_from(["apt", "dnf", "zypper"]))
def test_what_is_no_package_never_becomes_an_argument(nasty: str, field: str, which: str, tmp_path: Path) -> None:
    host: Any = DebianHost({}, tmp_path) if which == "apt" else RpmHost([])
    item = {"name": "web", "arch": "noarch", "version": "1.0-1", field: nasty}
    with pytest.raises(BadInput):
        download(module.FETCHERS[which](host), ordered(tmp_path, Wanted(**item)))
    assert not any(nasty in argv for argv in host.ran if nasty not in ("--",))


@pytest.mark.parametrize(("options", "message"), [
    ({"directory": "here"}, "directory is 'here': give an absolute path"), ({"timeout": 0.0}, "timeout is 0: give seconds, more than 0")])
def test_wrong_options_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        order({"packages": [], "directory": "/x", "timeout": 1.0, **options}, False)


def test_each_package_is_asked_for_once() -> None:
    item = {"name": "web", "arch": "all", "version": "1.1"}
    assert order({"packages": [item, item], "directory": "/x", "timeout": 1.0}, True) == Order((WEB,), "/x", 1.0, True)


def test_a_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "real")
    with pytest.raises(BadInput, match="is not a folder of this user's own"):
        download(AptFetch(DebianHost(DEBS, tmp_path)), ordered(tmp_path, WEB))


def test_two_epochs_of_one_version_would_be_one_file(tmp_path: Path) -> None:
    twin = Wanted("anchor", "x86_64", "0.9~rc1-1")
    with pytest.raises(BadInput, match=re.escape("names anchor 0.9~rc1-1 and 2:0.9~rc1-1, which both have the file anchor-0.9~rc1-1.x86_64.rpm")):
        download(DnfFetch(RpmHost([ANCHOR, twin])), ordered(tmp_path, ANCHOR, twin))


# ---------------------------------------------------------------- module streams

def describe(streams: Sequence[str]) -> Described:
    """A host whose sources know of one stream."""
    missing = [stream for stream in streams if stream != "lathe:2"]
    return Described("---\ndata\n...\n" if len(missing) < len(streams) else "", dict.fromkeys(missing, "unheard of"))


def with_streams(folder: Path, *streams: str, packages: Sequence[Wanted] = (), dry: bool = False) -> Order:
    return Order(tuple(packages), str(folder / "out"), 60.0, dry, streams)


def test_what_describes_streams_comes_beside_the_packages(tmp_path: Path) -> None:
    asked = with_streams(tmp_path, "lathe:2", packages=[OLD])
    found = download(DnfFetch(RpmHost([OLD])), asked, describe)
    content = (tmp_path / "out" / found["modules"]["file"]).read_bytes()
    assert content == b"---\ndata\n...\n" and found["modules"]["sha256"] == hashlib.sha256(content).hexdigest()
    assert re.fullmatch(r"modules-[0-9a-f]{16}\.yaml", found["modules"]["file"]) and found["modules"]["size"] == len(content)
    assert (found["changed"], len(found["files"])) == (True, 1)
    assert not download(DnfFetch(RpmHost([OLD])), asked, describe)["changed"]
    assert download(DnfFetch(RpmHost([])), with_streams(tmp_path, "lathe:2"), describe)["modules"] == found["modules"]


def test_streams_that_nobody_describes_are_named_before_anything_is_fetched(tmp_path: Path) -> None:
    lacking = [{"stream": "plane:1", "reason": "unheard of"}]
    assert download(DnfFetch(RpmHost([])), with_streams(tmp_path, "lathe:2", "plane:1", dry=True), describe) == {
        "changed": True, "files": [], "modules": None, "missing": [], "missing_streams": lacking}
    with pytest.raises(TransactionImpossible, match=re.escape(
            "1 package is in no source of this host: web 1.1-1 noarch (no source has any version of it); "
            "module streams that can't be described: plane:1 (unheard of)")) as caught:
        download(DnfFetch(RpmHost([])), with_streams(tmp_path, "plane:1", packages=[NEW]), describe)
    assert caught.value.data["missing_streams"] == lacking and not (tmp_path / "out").exists()
    with pytest.raises(TransactionImpossible, match="only dnf has module streams"):
        download(AptFetch(DebianHost(DEBS, tmp_path)), with_streams(tmp_path, "lathe:2"), module.describer("apt", DebianHost(DEBS, tmp_path)))


def test_a_stream_has_a_module() -> None:
    with pytest.raises(BadInput, match="streams has 'lathe': a stream is written NAME:STREAM"):
        order({"packages": [], "streams": ["lathe"], "directory": "/x", "timeout": 1.0}, False)
    assert order({"packages": [], "streams": ["b:1", "a:rhel9", "b:1"], "directory": "/x", "timeout": 1.0}, False).streams == ("a:rhel9", "b:1")


# ---------------------------------------------------------------- the module

def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], host: DebianHost, **options: Any) -> dict[str, Any]:
    monkeypatch.setattr(package_download, "SystemRunner", lambda: host)
    with patch_module_args({"manager": "apt", **options}), pytest.raises(SystemExit):
        package_download.main()
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_the_module_package_download(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    host = DebianHost(DEBS, tmp_path)
    found = run(monkeypatch, capsys, host, packages=[WEB.to_dict()], directory=str(tmp_path / "out"))
    assert (found["changed"], found["files"][0]["file"], found["missing"]) == (True, "web_1.1_all.deb", [])
    gone = dict(WEB.to_dict(), version="9")
    found = run(monkeypatch, capsys, host, packages=[gone], directory=str(tmp_path / "out"))
    assert (found["failed"], found["error"]["kind"]) == (True, "TransactionImpossible")
    assert found["missing"] == [dict(gone, reason="its sources have 1.1")]
