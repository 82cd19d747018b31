# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documents of a host, and the modules that return them, on the transcript of a real Debian 12."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.fleetops.patchtrain.plugins.module_utils import assessment
from ansible_collections.fleetops.patchtrain.plugins.module_utils.assessment import assess
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import LockTimeout, NotReadable
from ansible_collections.fleetops.patchtrain.plugins.module_utils.job.space import MIB, Measure, Room
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.manager import DEFAULT_RULES
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.apt.manager import Apt
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.manager import Source
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.records import Selection, Update
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.snapshot import snapshot
from ansible_collections.fleetops.patchtrain.plugins.module_utils.runner import Completed
from ansible_collections.fleetops.patchtrain.plugins.modules import package_snapshot_info, updates_info

from .apt.replay import Replay

BOOT_ID = "7f9c0f2e-5f0c-4a57-9a3e-0d7d3d5f7a11"
FILES = {"/etc/os-release": 'ID=debian\nVERSION_ID="12"\n', "/proc/sys/kernel/random/boot_id": BOOT_ID + "\n", "/proc/locks": ""}


class Host(Replay):
    """The transcript, on a machine with a kernel and a user. Nothing on it can change the host."""

    def __init__(self, scene: str = "bookworm", uid: str = "0") -> None:
        super().__init__(scene)
        self.files = {**self.files, **FILES}
        self.others = {"uname": "6.1.0-31-amd64\n", "find": "vmlinuz-6.1.0-31-amd64\nvmlinuz-6.1.0-32-amd64\n", "id": uid + "\n", "stat": ""}

    def which(self, tool: str) -> str | None:
        return tool if tool in ("apt-get", "apt-cache", "dpkg-query") else None

    def run(self, argv: Sequence[str], limit: float | None = 1.0, stdin: str = "", env: Mapping[str, str] | None = None,
            log: IO[str] | None = None) -> Completed:
        if tuple(argv) in self.runs:
            return super().run(argv)
        return Completed(tuple(argv), 0, self.others[argv[0]], "")


def roomy(path: str) -> Room:
    return Room("/", 10**12, None)


def document(host: Host, measure: Measure = roomy, apt: Apt | None = None) -> dict[str, Any]:
    found = assess(host, apt or Apt(host), DEFAULT_RULES, Selection(), measure)
    assert json.loads(json.dumps(found)) == found, "it has to pass through JSON as it is"
    return found


def kinds(found: Mapping[str, Any]) -> list[str]:
    return [obstacle["kind"] for obstacle in found["obstacles"]]


# ---------------------------------------------------------------- documents

def test_a_snapshot_has_all_of_it_and_is_the_same_each_time() -> None:
    found = snapshot(Host(), Apt(Host()))
    assert found == snapshot(Host(), Apt(Host()))
    assert set(found) == {"packages", "holds", "streams", "sources", "platform", "manager", "kernel", "boot_id"}
    assert found["platform"] == {"id": "debian", "version": "12", "arch": "amd64"}
    assert [(p["name"], p["arch"]) for p in found["packages"]] == sorted((p["name"], p["arch"]) for p in found["packages"])
    assert (found["boot_id"], found["holds"], found["manager"]) == (BOOT_ID, ["held-b"], "apt")


def test_an_assessment_has_all_of_it() -> None:
    found = document(Host())
    assert set(found) == {"platform", "manager", "metadata_age_s", "updates", "counts", "reboot", "interrupted", "release", "drift", "boot_id",
                          "kernel", "obstacles"}
    assert found["counts"]["total"] == len(found["updates"]) == sum(found["counts"][k] for k in found["counts"] if k not in ("total", "held"))
    assert found["counts"]["held"] == 1
    assert found["counts"]["security"] > 5
    assert found["reboot"] == {"required": True, "reasons": ["kernel: 6.1.0-31-amd64 runs, 6.1.0-32-amd64 would be started"]}
    assert (found["interrupted"], found["obstacles"]) == (None, [])


def test_what_stands_in_the_way_is_named() -> None:
    assert [o["message"] for o in document(Host(uid="1000"))["obstacles"]] == [
        "uid 1000 is not root, and only root installs packages (become: true)"]


def closed(*paths: str) -> type[Host]:
    """A host whose user may not look at these files."""
    class Closed(Host):
        def read(self, path: str) -> str | None:
            if path in paths:
                raise NotReadable("%s can't be read by uid 1000" % path, path=path)
            return super().read(path)
    return Closed


def test_who_may_not_look_at_the_release_is_told_so_and_has_no_further_obstacle() -> None:
    """It stands below a folder that is root's alone, whether there is a release or not."""
    attached = "/var/lib/patchtrain/release/attached.json"
    found = document(closed(attached)(uid="1000"))
    assert (found["release"], [o["kind"] for o in found["obstacles"]]) == (None, ["privilege"])
    assert found["obstacles"][0]["message"].endswith("; whether the host is attached to a release is not known")


def test_an_interrupted_transaction_is_in_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host()
    apt = Apt(host)
    monkeypatch.setattr(apt, "interrupted", lambda: "dpkg was interrupted: x is unpacked")
    found = document(host, apt=apt)
    assert (kinds(found), found["interrupted"]) == (["interrupted"], "dpkg was interrupted: x is unpacked")


def test_a_lock_is_in_the_way_and_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    host, waited = Host(), []
    apt = Apt(host)

    def held(limit: float) -> None:
        waited.append(limit)
        raise LockTimeout("lock is held by process 7 (apt-get)")
    monkeypatch.setattr(apt, "wait_for_lock", held)
    found = document(host, apt=apt)
    assert (found["obstacles"], waited) == ([{"kind": "lock", "message": "lock is held by process 7 (apt-get)"}], [0])


def test_a_source_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host()
    apt = Apt(host)
    sources = [Source("good", "http://x/", True, True, True), Source("away main", "http://y/", True, False, False, usable=False),
               Source("off", "http://z/", False, False, False, usable=False), Source("unsigned", "http://u/", True, False, False)]
    monkeypatch.setattr(apt, "sources", lambda: sources)
    found = document(host, apt=apt)
    assert kinds(found) == ["sources"]
    assert "from: away main;" in found["obstacles"][0]["message"]


def disks(**free: int) -> Measure:
    """Free MiB by mount; everything else has room."""
    def measure(path: str) -> Room:
        mount = path if path.strip("/") in free else "/"
        return Room(mount, free.get(path.strip("/"), free.get("root", 10**6)) * MIB, None)
    return measure


@pytest.mark.parametrize(("free", "mount"), [({"root": 10}, "/ has 10 MiB"), ({"var": 5}, "/var has 5 MiB")])
def test_a_full_file_system_is_named(free: dict[str, int], mount: str) -> None:
    found = document(Host(), disks(**free))
    assert kinds(found) == ["space"]
    assert mount in found["obstacles"][0]["message"]


@pytest.mark.parametrize(("name", "expected"), [
    ("linux-image-amd64", ["space"]), ("kernel", ["space"]), ("kernel-default", ["space"]), ("kernelshark", []), ("bash", []),
    ("kernel-headers", []), ("kernel-tools", []), ("kernel-modules-core", []), ("linux-image-6.1.0-40-amd64-dbg", []), ("linux-image-generic", ["space"])])
def test_a_small_boot_matters_when_a_kernel_comes(name: str, expected: list[str]) -> None:
    updates = [Update(name, "amd64", "1", "2")]
    found = assessment.obstacles(Host(), Apt(Host()), updates, None, disks(boot=100))
    assert [obstacle["kind"] for obstacle in found] == expected


# ---------------------------------------------------------------- modules

Module = Callable[..., dict[str, Any]]


@pytest.fixture(params=[package_snapshot_info, updates_info], ids=lambda module: module.__name__.rpartition(".")[2])
def module(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def call(module: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Module:
    monkeypatch.setattr(module, "SystemRunner", Host)

    def run(**options: Any) -> dict[str, Any]:
        with patch_module_args(options), pytest.raises(SystemExit):
            module.main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        return result
    return run


def test_a_module_returns_what_it_documents(module: Any, call: Module) -> None:
    documented = set(yaml.safe_load(module.RETURN)) - {"error"}
    result = call()
    assert set(result) - {"invocation"} == documented | {"changed"}
    assert result["changed"] is False
    again = call(_ansible_check_mode=True)
    assert {**again, "metadata_age_s": 0} == {**result, "metadata_age_s": 0}


def test_a_module_fails_with_the_kind_of_failure(call: Module) -> None:
    result = call(manager="zypper")
    assert (result["failed"], result["changed"], result["error"]["kind"]) == (True, False, "HostUnsupported")
    assert "zypper is not on this host" in result["msg"]


def test_examples_use_options_that_there_are(module: Any) -> None:
    options = set(yaml.safe_load(module.DOCUMENTATION).get("options", {})) | {"classifications", "include", "exclude", "manager"}
    for task in yaml.safe_load(module.EXAMPLES):
        used = next(value for key, value in task.items() if key.startswith(("fleetops.", "ansible.builtin.")))
        assert "ansible.builtin.debug" in task or set(used or {}) <= options
