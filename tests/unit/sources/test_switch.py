# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import PatchtrainError
from ansible_collections.fleetops.patchtrain.plugins.module_utils.release import attached as document
from ansible_collections.fleetops.patchtrain.plugins.module_utils.release.manifest import ManifestWrong
from ansible_collections.fleetops.patchtrain.plugins.module_utils.sources.keys import SourceRefused
from ansible_collections.fleetops.patchtrain.plugins.module_utils.sources.switch import Result, attach, detach, strays

from .conftest import DNF_CONF, Host, data

FILES = {"apt": "etc/patchtrain/apt/sources.list.d/patchtrain-release.sources", "dnf": "etc/patchtrain/yum.repos.d/patchtrain-release.repo",
         "zypper": "etc/patchtrain/zypp/repos.d/patchtrain-release.repo"}
SWITCH = {"apt": "etc/apt/apt.conf.d/zz-patchtrain", "dnf": "etc/dnf/dnf.conf", "zypper": "etc/zypp/zypp.conf"}
FOREIGN = {"apt": ("/etc/apt/sources.list.d/cloud.list", "deb http://cloud.example x main\n"),
           "dnf": ("/etc/yum.repos.d/redhat.repo", "[redhat]\nbaseurl=http://cloud.example\n"),
           "zypper": ("/etc/zypp/repos.d/cloud:x.repo", "[cloud:x]\nbaseurl=http://cloud.example\n")}
HIDDEN = {"apt": ["http://mirror.example/debian bookworm-updates/main", "http://mirror.example/debian bookworm/main", "http://one.example/debian old/contrib",
                  "http://one.example/debian old/main", "http://tools.example/apt stable/main"], "dnf": ["base", "tools"], "zypper": ["base", "tools"]}
REFUSAL = {"apt": ("apt-get", 100, data("apt-update-other-key.out"), data("apt-update-other-key.err"), "NO_PUBKEY"),
           "dnf": ("dnf", 1, "", data("dnf-makecache-other-key.err"), "Bad GPG signature"),
           "zypper": ("zypper", 4, data("zypper-refresh-not-there.out"), "", "Valid metadata not found")}


def seen(host: Host) -> list[dict[str, Any]]:
    return strays(host.world, host.manager.name, document.attached(host.world))


def go(host: Host, found: str, *passthrough: str, key: str = "key-good.asc", check: bool = False) -> Result:
    return attach(host.place(), host.aim(found, *passthrough, key=key), 10, check)


def test_attached_the_host_sees_the_release_alone(host: Host) -> None:
    found = host.publish()
    result = go(host, found)
    assert result.changed and result.previous is None and result.attached
    assert result.attached["hidden"] == HIDDEN[host.manager.name]
    assert result.attached["platform"] == host.key
    assert document.attached(host.world) == result.attached
    assert document.manifest(host.world) is not None
    assert seen(host) == []
    assert host.manager.refreshed == 1
    assert result.after == ["file://%s/releases/%s/%s" % (host.published, found, host.key)]


def test_a_second_call_changes_nothing_and_asks_nobody(host: Host) -> None:
    found = host.publish()
    first = go(host, found)
    before = host.world.files()
    (host.published / "releases" / found / "manifest.json").unlink()
    again = go(host, found)
    assert not again.changed and again.attached == first.attached == again.previous
    assert host.world.files() == before and host.manager.refreshed == 1


def test_check_mode_changes_nothing(host: Host) -> None:
    before = host.world.files()
    assert go(host, host.publish(), check=True).changed
    assert host.world.files() == before and host.manager.refreshed == 0


def test_detached_the_host_has_exactly_what_it_had(host: Host) -> None:
    before, folders = host.world.files(), (host.world.root / "etc/patchtrain").exists()
    result = go(host, host.publish(), "*tools*")
    assert detach(host.place(), 10, check=True).changed and document.attached(host.world) == result.attached
    back = detach(host.place(), 10)
    assert back.changed and back.attached is None and back.previous == result.attached and back.warnings == []
    assert host.world.files() == before and not folders and not (host.world.root / "etc/patchtrain").exists()
    assert host.world.trusted == []
    assert not detach(host.place(), 10).changed


def test_back_and_forth_between_releases(host: Host) -> None:
    before = host.world.files()
    one, two = host.publish("1"), host.publish("2")
    for found in (one, two, one, two):
        assert go(host, found).changed
        result = go(host, found)
        assert not result.changed and result.attached and result.attached["digest"] == found
        assert found in host.world.files()[FILES[host.manager.name]].decode()
    assert result.attached["previous"]["digest"] == one and result.attached["previous"]["previous"] is None
    detach(host.place(), 10)
    assert host.world.files() == before


def test_a_source_that_is_written_again_stays_hidden(host: Host) -> None:
    found = host.publish()
    go(host, found)
    host.world.write(*FOREIGN[host.manager.name])
    assert seen(host) == [] and not go(host, found).changed


def test_a_source_in_our_folder_is_a_stray_until_the_next_call(host: Host) -> None:
    found = host.publish()
    go(host, found)
    path, text = FOREIGN[host.manager.name]
    host.world.write("/%s/%s" % (FILES[host.manager.name].rsplit("/", 1)[0], path.rsplit("/", 1)[1]), text)
    [row] = seen(host)
    assert (row["kind"], row["is"], row["should"]) == ("source", "http://cloud.example", None)
    assert go(host, found).changed and seen(host) == []


def test_a_setting_that_was_taken_back_is_drift_and_is_repaired(host: Host) -> None:
    found = host.publish()
    go(host, found)
    path = host.world.root / SWITCH[host.manager.name]
    path.write_text("[main]\n" if host.manager.name != "apt" else "\n", encoding="utf-8")
    rows = seen(host)
    assert {row["name"] for row in rows if row["should"] is None} >= set(HIDDEN[host.manager.name])
    assert [row["should"] for row in rows if row["is"] is None] == ["file://%s/releases/%s/%s" % (host.published, found, host.key)]
    assert go(host, found).changed and seen(host) == []


def test_our_files_edited_or_gone_are_repaired(host: Host) -> None:
    found = host.publish()
    go(host, found)
    right = host.world.files()
    for name in [name for name in right if name.startswith("etc/patchtrain/")] + ["var/lib/patchtrain/release/manifest.json"]:
        (host.world.root / name).write_bytes(b"x")
        assert go(host, found).changed, name
        (host.world.root / name).unlink()
        assert go(host, found).changed, name
        assert host.world.files() == right


def test_passthrough_stays_and_what_it_is_worth_follows_its_own_file(host: Host) -> None:
    found = host.publish()
    result = go(host, found, "*tools*")
    assert result.attached and result.attached["hidden"] == [name for name in HIDDEN[host.manager.name] if "tools" not in name]
    assert seen(host) == [] and len(result.after) == 2
    path = "/etc/apt/sources.list.d/debian.sources" if host.manager.name == "apt" else "/etc/%s/some.repo" % (
        "yum.repos.d" if host.manager.name == "dnf" else "zypp/repos.d")
    host.world.write(path, (host.world.read(path) or "").replace("tools.example/", "tools.example/new-"))
    assert go(host, found, "*tools*").changed
    assert any(b"tools.example/new-" in content for name, content in host.world.files().items() if name.startswith("etc/patchtrain"))


def test_a_passthrough_by_file_is_no_stray(host: Host) -> None:
    go(host, host.publish(), "debian.sources", "some.repo")
    assert seen(host) == []


def test_what_the_package_manager_refuses_leaves_the_host_as_it_was(host: Host) -> None:
    tool, rc, out, err, said = REFUSAL[host.manager.name]
    host.world.answers[tool] = (rc, out, err)
    before = host.world.files()
    with pytest.raises(SourceRefused, match="the host keeps its sources.*" + said) as caught:
        go(host, host.publish())
    assert host.world.files() == before and host.manager.refreshed == 0
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("attached_before", [False, True])
def test_a_refresh_that_fails_after_the_switch_is_undone(host: Host, attached_before: bool) -> None:
    one, two = host.publish("1"), host.publish("2")
    if attached_before:
        go(host, one)
    before, trusted = host.world.files(), list(host.world.trusted)
    host.manager.failures = ["not there"]
    with pytest.raises(SourceRefused, match="the host has its former sources again: not there$"):
        go(host, two)
    assert host.world.files() == before and host.world.trusted == trusted
    assert (host.world.root / "etc/patchtrain").exists() is attached_before


def test_a_manifest_that_was_changed_is_refused(host: Host) -> None:
    found = host.publish()
    with (host.published / "releases" / found / "manifest.json").open("a") as handle:
        handle.write(" ")
    before = host.world.files()
    with pytest.raises(ManifestWrong):
        go(host, found)
    assert host.world.files() == before


def test_a_release_without_this_platform_names_those_that_it_has(host: Host) -> None:
    found = host.publish(platform="other-9-x86_64-dnf")
    with pytest.raises(ManifestWrong, match="nothing for %s: it was captured for other-9-x86_64-dnf" % host.key):
        go(host, found)


def test_an_attachment_that_was_cut_is_finished_or_undone(host: Host) -> None:
    before, found = host.world.files(), host.publish()
    for finish in (True, False):
        go(host, found)
        (host.world.root / "var/lib/patchtrain/release/attached.json").unlink()
        if finish:
            assert go(host, found).changed and seen(host) == []
        detach(host.place(), 10)
        assert host.world.files() == before


def test_a_damaged_document_is_made_new(host: Host) -> None:
    found = host.publish()
    go(host, found)
    host.world.write("/var/lib/patchtrain/release/attached.json", "{")
    assert go(host, found).changed and (document.attached(host.world) or {})["digest"] == found


def test_keys_that_do_not_count_any_more_go(host: Host) -> None:
    found = host.publish()
    go(host, found)
    trusted = list(host.world.trusted)
    go(host, found, key="key-bad.asc")
    assert [name for name in host.world.files() if "/keys/" in name] == ["etc/patchtrain/keys/release-1.asc", "etc/patchtrain/keys/release.gpg"]
    assert len(host.world.trusted) == (host.manager.name == "zypper") and (not trusted or host.world.trusted != trusted)


def test_own_sources_that_fail_after_detaching_are_a_warning(host: Host) -> None:
    go(host, host.publish())
    host.manager.failures = ["mirror is down"]
    assert "mirror is down" in detach(host.place(), 10).warnings[0]


def test_a_configuration_that_was_edited_meanwhile_keeps_the_edit(tmp_path: Any) -> None:
    host = Host("dnf", tmp_path)
    go(host, host.publish())
    host.world.write("/etc/dnf/dnf.conf", (host.world.read("/etc/dnf/dnf.conf") or "") + "keepcache=1\n")
    result = detach(host.place(), 10)
    assert host.world.read("/etc/dnf/dnf.conf") == DNF_CONF + "keepcache=1\n"
    assert "dnf.conf was edited" in result.warnings[0]


def test_sources_in_the_configuration_itself_are_hidden_too(tmp_path: Any) -> None:
    host = Host("dnf", tmp_path)
    host.world.write("/etc/dnf/dnf.conf", DNF_CONF + "[odd]\nbaseurl=http://odd.example\n[own]\nbaseurl=http://own.example\n")
    result = go(host, host.publish(), "own")
    assert result.attached and result.attached["hidden"] == ["base", "odd", "tools"] and seen(host) == []
    assert b"own.example" in host.world.files()["etc/dnf/dnf.conf"] and "etc/patchtrain/yum.repos.d/patchtrain-passthrough.repo" not in host.world.files()


def test_services_of_plugins_are_turned_off(tmp_path: Any) -> None:
    host = Host("zypper", tmp_path)
    found = host.publish()
    go(host, found)
    assert b"enabled=0" in host.world.files()["etc/patchtrain/zypp/services.d/cloud.service"]
    host.world.write("/usr/lib/zypp/plugins/services/late", "#!/bin/sh\n")
    assert [row["name"] for row in seen(host)] == ["late"]
    assert go(host, found).changed and seen(host) == []


def test_a_vendor_configuration_is_not_shadowed(tmp_path: Any) -> None:
    host = Host("zypper", tmp_path)
    host.world.write("/usr/etc/zypp/zypp.conf", "[main]\nreposdir = /etc/zypp/repos.d\n")
    before = host.world.files()
    go(host, host.publish())
    assert "etc/zypp/zypp.conf" not in host.world.files() and seen(host) == []
    detach(host.place(), 10)
    assert host.world.files() == before


def test_a_setting_that_overrides_ours_is_said_and_undone(tmp_path: Any) -> None:
    host = Host("apt", tmp_path)
    host.world.write("/etc/apt/apt.conf", 'Dir::Etc::SourceParts "/etc/apt/sources.list.d";\n')
    before = host.world.files()
    with pytest.raises(SourceRefused, match="still sees other sources"):
        go(host, host.publish())
    assert host.world.files() == before


def test_a_host_that_is_attached_to_nothing_has_no_strays(host: Host) -> None:
    assert strays(host.world, host.manager.name, None) == []


def test_what_is_remembered_and_damaged_is_said(host: Host) -> None:
    go(host, host.publish())
    host.world.write("/var/lib/patchtrain/release/sources.json", "{")
    with pytest.raises(PatchtrainError, match="sources.json is damaged"):
        detach(host.place(), 10)


def test_the_document_has_the_shape_of_the_contract(host: Host) -> None:
    go(host, host.publish())
    text = host.world.read("/var/lib/patchtrain/release/attached.json") or ""
    assert sorted(json.loads(text)) == ["digest", "hidden", "passthrough", "platform", "previous", "url"]


def test_keys_of_an_attachment_that_was_cut_are_taken_back(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host("zypper", tmp_path)
    host.world.trusted = ["gpg-pubkey-other"]
    found = host.publish()
    imported = host.world._import

    def cut(argv: Any) -> Any:
        imported(argv)
        raise KeyboardInterrupt

    monkeypatch.setattr(host.world, "_import", cut)
    with pytest.raises(KeyboardInterrupt):
        go(host, found)
    assert len(host.world.trusted) == 2
    host.world.write("/var/lib/patchtrain/release/.new-abc", "half")
    detach(host.place(), 10)
    assert host.world.trusted == ["gpg-pubkey-other"]
    assert not [name for name in host.world.files() if name.startswith("var/lib/patchtrain")]


@pytest.mark.parametrize("text", ["[main]", "", "[main]\r\ngpgcheck=1\r\n", "# x\n[main]\nreposdir=/x", "[own]\nbaseurl=http://own.example"])
def test_a_configuration_comes_back_to_the_byte(tmp_path: Any, text: str) -> None:
    host = Host("dnf", tmp_path)
    path = host.world.root / "etc/dnf/dnf.conf"
    path.write_bytes(text.encode())
    path.chmod(0o640)
    go(host, host.publish())
    assert seen(host) == [] and path.stat().st_mode & 0o777 == 0o640
    detach(host.place(), 10)
    assert path.read_bytes() == text.encode() and path.stat().st_mode & 0o777 == 0o640
