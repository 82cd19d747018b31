# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that is brought to its release, on a fake host: the module, the plan, and the job that carries it out."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import TransactionImpossible
from ansible_collections.fleetops.patchtrain.plugins.module_utils.job import bundle, converge, prepare, preparing, unit
from ansible_collections.fleetops.patchtrain.plugins.module_utils.job.install import Installation
from ansible_collections.fleetops.patchtrain.plugins.module_utils.job.journal import Journal
from ansible_collections.fleetops.patchtrain.plugins.module_utils.job.request import Request, from_spec
from ansible_collections.fleetops.patchtrain.plugins.module_utils.job.space import Room
from ansible_collections.fleetops.patchtrain.plugins.module_utils.job.state import State
from ansible_collections.fleetops.patchtrain.plugins.module_utils.job.stop import StopRequest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.records import Change, Plan, Selection, Transaction, Wanted
from ansible_collections.fleetops.patchtrain.plugins.module_utils.release import streams
from ansible_collections.fleetops.patchtrain.plugins.module_utils.release.manifest import canonical, digest_of
from ansible_collections.fleetops.patchtrain.plugins.module_utils.runner import Completed, SystemRunner
from ansible_collections.fleetops.patchtrain.plugins.module_utils.sources import drift
from ansible_collections.fleetops.patchtrain.plugins.modules import host_assess

Module = Callable[..., Dict[str, Any]]
Attach = Callable[..., str]
KEY = "debian-12-amd64-fake"
OTHER = "0" * 64


def entry(name: str, version: str, *updates: Dict[str, Any]) -> Dict[str, Any]:
    return {"name": name, "arch": "amd64", "version": version, "reason": "manual", "updates": list(updates)}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the host keeps its release. A fake host has no sources that could be visible."""
    monkeypatch.setattr(drift, "strays", lambda runner, manager, document, root: [])
    return tmp_path / "state"


@pytest.fixture
def attach(root: Path) -> Attach:
    """Puts a release on the host, and gives its digest."""
    def put(*entries: Dict[str, Any], platform: str = KEY, **manifest: Any) -> str:
        content = canonical(dict({"format": 1, "parent": None, "exclude": [], "platforms": {
            KEY: {"packages": list(entries), "kernel": None, "streams": []}}}, **manifest))
        (root / "release").mkdir(parents=True, exist_ok=True)
        (root / "release/manifest.json").write_bytes(content)
        (root / "release/attached.json").write_text(json.dumps({"digest": digest_of(content), "url": "https://r", "platform": platform,
                                                                "passthrough": [], "hidden": [], "previous": None}))
        return digest_of(content)
    return put


@pytest.fixture
def assess(host: Any, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Module:
    if os.geteuid() != 0:
        pytest.skip("packages are root's to change")
    monkeypatch.setattr(preparing, "detect", lambda runner, wanted: host.manager)
    monkeypatch.setattr(bundle, "build", lambda main: bundle.pack({}, "m", "f"))
    monkeypatch.setattr(unit, "SYSTEMD", str(tmp_path / "no systemd"))
    monkeypatch.setattr(prepare, "probe", lambda runner: {})

    def run(**options: Any) -> Dict[str, Any]:
        with patch_module_args(dict({"state_dir": str(root), "stage": "download"}, **options)), pytest.raises(SystemExit):
            host_assess.main()
        result: Dict[str, Any] = json.loads(capsys.readouterr().out)
        return result
    return run


def moves(result: Dict[str, Any]) -> Dict[str, str]:
    return {change["name"]: change["to"] for change in result["plan"]["changes"]}


def installed(host: Any, root: Path, plan: Dict[str, Any], **selection: Any) -> Dict[str, Any]:
    """What a job makes of the recorded plan."""
    wanted = tuple(Wanted(c["name"], c["arch"], c["to"]) for c in plan["changes"] if c["to"])
    state = State(str(root))
    state.prepare()
    state.create("abc", {}, b"")
    job = state.job("abc")
    request = Request(selection=Selection(packages=wanted, **selection), expect_digest=plan["digest"])
    Path(job.file("spec.json")).write_text(json.dumps(request.to_spec()))
    with Journal(job) as journal:
        return Installation(SystemRunner(), host.manager, job, journal, StopRequest(), measure=lambda path: Room("/", 1 << 40, None)).run()


def versions(drift: List[Dict[str, Any]]) -> List[str]:
    return [row["name"] for row in drift if row["kind"] == "version"]


SECURITY = {"version": "1.5", "classification": "security", "severity": "critical", "advisories": ["DSA-1"], "cves": ["CVE-1"]}


def test_a_host_goes_to_its_release_and_not_to_what_upstream_has(host: Any, assess: Module, attach: Attach, root: Path) -> None:
    host.set(available={"a": "9", "b": "9", "c": "9"})
    digest = attach(entry("a", "2", SECURITY), entry("b", "2"), entry("elsewhere", "5"))
    result = assess(release=digest)
    assert (result["failed"], moves(result), result["assessment"]["release"]) == (False, {"a": "2", "b": "2"}, digest)
    assert (versions(result["assessment"]["drift"]), host.all()["downloaded"]) == (["a", "b"], ["a", "b"])
    after = installed(host, root, result["plan"])
    assert (after["failed"], host.versions(), after["assessment"]["release"]) == (False, {"a": "2", "b": "2", "c": "1"}, digest)
    assert [(row["name"], row["kind"], row["source"]) for row in after["assessment"]["drift"]] == [("c", "unknown", "s")]
    assert {name: reason for name, (_v, reason) in host.all()["installed"].items()} == {"a": "manual", "b": "automatic", "c": "manual"}
    assert assess(release=digest)["plan"]["changes"] == []


def test_down_only_when_that_is_allowed_and_with_its_reasons(host: Any, assess: Module, attach: Attach, root: Path) -> None:
    host.set(installed={"a": ["3", "manual"], "b": ["3", "automatic"]})
    digest = attach(entry("a", "2"), entry("b", "2"))
    refused = assess(release=digest)
    assert (refused["failed"], refused["error"]["packages"], refused["plan"]) == (True, ["a", "b"], None)
    result = assess(release=digest, allow_downgrade=True)
    assert moves(result) == {"a": "2", "b": "2"}
    assert not installed(host, root, result["plan"], allow_downgrade=True)["failed"]
    assert host.all()["installed"] == {"a": ["2", "manual"], "b": ["2", "automatic"]}


def test_the_plan_says_what_lies_between(assess: Module, attach: Attach, host: Any) -> None:
    plan = assess(release=attach(entry("a", "2", SECURITY), entry("b", "1"), entry("c", "2")))["plan"]
    said = {c["name"]: (c["classification"], c["advisories"], c["cves"]) for c in plan["changes"]}
    assert said == {"a": ("security", ["DSA-1"], ["CVE-1"]), "c": ("security", [], [])}, "of c the source itself says it"


def test_classification_by_the_manifest_counts_without_a_release_too(host: Any, assess: Module, attach: Attach, monkeypatch: pytest.MonkeyPatch) -> None:
    updates = host.manager.updates
    monkeypatch.setattr(host.manager, "updates", lambda *args: [type(u)(**dict(u.to_dict(), classification="unknown", advisories=(), cves=()))
                                                                 for u in updates(*args)])
    attach(entry("a", "2", SECURITY), entry("b", "2"), entry("c", "2"))
    result = assess(classifications=["security"])
    assert (moves(result), result["assessment"]["counts"]["security"]) == ({"a": "2"}, 1)


def test_another_module_stream_is_drift_and_in_the_way(host: Any, assess: Module, attach: Attach, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "modules", lambda runner: {"php"})
    host.set(streams=["nodejs:18", "php:8"])
    digest = attach(entry("a", "1"), platforms={KEY: {"packages": [entry("a", "1")], "kernel": None, "streams": ["nodejs:20", "php:8"]}})
    refused = assess(release=digest)
    assert refused["failed"] and refused["plan"] is None and refused["error"]["streams"] == ["nodejs:20"]
    assert refused["msg"].endswith("attach the host (playbook attach), and switch them there: dnf -y module reset nodejs && dnf -y module enable nodejs:20")
    assert [row for row in refused["assessment"]["drift"] if row["kind"] == "stream"] == [
        {"name": "nodejs", "arch": "", "kind": "stream", "is": "nodejs:18", "should": "nodejs:20", "source": ""}]
    host.set(streams=["nodejs:20", "php:8"])
    done = assess(release=digest)
    assert not done["failed"] and "stream" not in {row["kind"] for row in done["assessment"]["drift"]}


def test_sources_that_should_be_hidden_are_drift(assess: Module, attach: Attach, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: List[Any] = []
    stray = {"name": "vendor", "arch": "", "kind": "source", "is": "https://v", "should": None, "source": "/etc/vendor.repo"}
    monkeypatch.setattr(drift, "strays", lambda runner, *args: asked.append(args) or [stray])
    digest = attach(*(entry(name, "1") for name in "abc"))
    assert assess()["assessment"]["drift"] == [stray]
    assert [(manager, document["digest"], folder) for manager, document, folder in asked] == [("fake", digest, str(root))]


def test_the_release_has_to_be_the_one_that_the_host_is_attached_to(assess: Module, attach: Attach) -> None:
    assert "attached to no release" in assess(release=OTHER)["msg"]
    digest = attach(entry("a", "2"))
    result = assess(release=OTHER)
    assert (result["error"]["attached"], digest in result["msg"], result["plan"]) == (digest, True, None)


def test_a_digest_is_one(assess: Module) -> None:
    assert "64 hexadecimal digits" in assess(release="web/2026.11")["msg"]


@pytest.mark.parametrize(("damage", "said"), [
    (lambda folder: (folder / "manifest.json").write_bytes((folder / "manifest.json").read_bytes().replace(b'"2"', b'"3"')), "was changed"),
    (lambda folder: (folder / "manifest.json").unlink(), "is gone"),
    (lambda folder: (folder / "attached.json").write_text("{"), "is damaged"),
    (lambda folder: (folder / "attached.json").write_text('{"digest": "x", "platform": "p"}'), "is damaged")])
def test_a_release_that_can_t_be_believed_stands_in_the_way(
        host: Any, assess: Module, attach: Attach, root: Path, damage: Callable[[Path], Any], said: str) -> None:
    digest = attach(entry("a", "2"))
    damage(root / "release")
    seen = assess(stage="assess", release=digest)["assessment"]
    assert (seen["release"], seen["drift"]) == (None, [])
    assert [said in found["message"] for found in seen["obstacles"] if found["kind"] == "release"] == [True]
    assert said in assess(release=digest)["msg"]
    assert said in installed(host, root, {"changes": [{"name": "a", "arch": "amd64", "to": "2"}], "digest": "d"})["msg"]
    assert host.all()["applied"] == 0


def test_a_release_without_this_platform_names_those_it_has(assess: Module, attach: Attach) -> None:
    assert KEY in assess(release=attach(entry("a", "2"), platform="sles-15.6-x86_64-zypper"))["msg"]


def test_unknown_packages_as_the_deployment_says(assess: Module, attach: Attach, host: Any) -> None:
    host.set(needs={"a": ["new"], "b": ["c"]}, available={"a": "2", "b": "2", "c": "2", "new": "1"})
    digest = attach(entry("a", "2"), entry("b", "2"))
    assert moves(assess(release=digest)) == {"a": "2", "b": "2", "c": "2", "new": "1"}
    held = assess(release=digest, unknown_packages="hold")
    assert (held["failed"], held["error"]["packages"], "c 2, which is unknown to the release and held" in held["msg"]) == (True, ["b"], True)
    assert assess(release=digest, unknown_packages="fail")["error"]["packages"] == ["c"]
    assert host.all()["applied"] == 0


def test_a_dependency_that_comes_in_another_version_is_asked_for_in_the_release_s(assess: Module, attach: Attach, host: Any) -> None:
    host.set(needs={"a": ["c"]}, available={"a": "2", "c": "9"})
    result = assess(release=attach(entry("a", "2"), entry("c", "1")))
    assert (result["failed"], result["error"]["packages"]) == (True, ["a"])
    assert "needs c 9, which is at the release's version already" in result["msg"]
    host.set(installed={"a": ["1", "manual"]})
    assert moves(assess(release=attach(entry("a", "2"), entry("c", "5")))) == {"a": "2", "c": "5"}


def test_what_can_t_be_had_is_named_and_nothing_is_done(assess: Module, attach: Attach, host: Any) -> None:
    digest = attach(entry("a", "2"), entry("b", "2"))
    host.set(problem="a : Depends: nothing-has-it")
    result = assess(release=digest, hold_for=3600)
    assert (result["failed"], result["error"]["packages"], result["downloaded"], result["held_units"]) == (True, ["a 2 (a : Depends: nothing-has-it)",
                                                                                                      "b 2 (a : Depends: nothing-has-it)"], False, [])


def test_the_way_back_is_whole_or_not_at_all(assess: Module, host: Any) -> None:
    packages = [{"name": "a", "version": "0"}, {"name": "c", "version": "0"}]
    assert moves(assess(packages=packages, allow_downgrade=True)) == {"a": "0", "c": "0"}
    host.set(held=["c"])
    result = assess(packages=packages, allow_downgrade=True)
    assert (result["failed"], result["error"]["packages"], result["plan"]) == (True, ["c"], None)
    assert "c 0 (held by its administrator)" in result["msg"]


class Kernel:
    """A machine that runs a kernel."""

    def __init__(self, release: str) -> None:
        self.release = release

    def run(self, argv: Any, **limits: Any) -> Completed:
        return Completed(tuple(argv), 0, self.release + "\n", "")


@pytest.mark.parametrize(("change", "running"), [
    (Change("linux-image-6.1.0-31-amd64", "amd64", "6.1.128-1", None), "6.1.0-31-amd64"),
    (Change("kernel-core", "x86_64", "5.14.0-427.el9", "5.14.0-503.el9"), "5.14.0-427.el9.x86_64"),
    (Change("kernel-default", "x86_64", "6.4.0-150600.21.1", None), "6.4.0-150600.21-default")])
def test_the_running_kernel_stays(change: Change, running: str) -> None:
    with pytest.raises(TransactionImpossible, match="running kernel would be removed"):
        converge.keeps_kernel(Kernel(running), Plan(Transaction((change,))))  # type: ignore[arg-type]
    converge.keeps_kernel(Kernel("4.0.0-1-amd64"), Plan(Transaction((change,))))  # type: ignore[arg-type]


def test_a_plan_that_takes_the_running_kernel_is_none(host: Any, assess: Module, attach: Attach, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = Change("linux-image-%s" % os.uname().release, "amd64", "1", None)
    monkeypatch.setattr(converge, "planned", lambda *args: Plan(Transaction((gone,))))
    monkeypatch.setattr(converge, "losing", lambda changes, running: [c for c in changes if running == os.uname().release])
    result = assess(release=attach(entry("a", "2")), allow_removals=True)
    assert (result["failed"], "running kernel would be removed" in result["msg"]) == (True, True)


def test_the_way_back_keeps_the_running_kernel(host: Any, assess: Module, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = Change("linux-image-%s" % os.uname().release, "amd64", "1", None)
    monkeypatch.setattr(prepare, "planned", lambda *args, **more: Plan(Transaction((gone,))))
    monkeypatch.setattr(converge, "losing", lambda changes, running: [c for c in changes if running == os.uname().release])
    result = assess(packages=[{"name": "a", "version": "0"}], allow_downgrade=True)
    assert (result["failed"], "running kernel would be removed" in result["msg"]) == (True, True)


def test_a_job_is_asked_for_packages_not_for_a_release(host: Any, attach: Attach, root: Path) -> None:
    digest = attach(entry("a", "2"))
    request = Request(release=digest, unknown_packages="hold")
    assert from_spec(request.to_spec()) == request
