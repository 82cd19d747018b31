# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real hypervisors: their guests count, and are watched from outside while they move from one to the other."""

from __future__ import annotations

import json
import shlex
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lab_fleet import Fleet, Played, wait_for
from lab_modules import module
from patchlab import hypervisor
from patchlab.paths import lab_paths

pytestmark = [pytest.mark.lab]

NAME = "test-libvirt"
HOSTS = ("hv1", "hv2", "hv3")
PEERS = ["qemu+ssh://hv1/system", "qemu+ssh://hv2/system"]
ODD = "-x; rm 'q$(id)"
LOOK = 0.02
AGENT = "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>"
COUNTING = """#!/bin/sh
file=/%s/$PATCHTRAIN_GUEST
before=$(wc -c < "$file"); sleep 0.5; [ -e /run/answers ] && [ "$(wc -c < "$file")" -gt "$before" ]
""" % hypervisor.COUNTS


class Count:
    """What one guest has counted, put together from the files of all hypervisors as they grow: a move may split a line between two."""

    def __init__(self, cloud: Fleet, name: str) -> None:
        self._files = [lab_paths(cloud.name).host(host).upper / hypervisor.COUNTS / name for host in HOSTS]
        self._read = dict.fromkeys(self._files, 0)
        self._text = b""

    def look(self) -> bool:
        """Whether there was something new. The file that grew last is read first: the guest has left it for another, if for any."""
        grown = False
        for path in list(self._files):
            data = path.read_bytes()[self._read[path]:] if path.exists() else b""
            if data:
                self._text += data
                self._read[path] += len(data)
                self._files.remove(path)
                self._files.insert(0, path)
                grown = True
        return grown

    def lines(self) -> list[tuple[str, int]]:
        """Every number with the boot that it belongs to; the last line may be half written."""
        words = [line.split() for line in self._text.decode(errors="replace").replace("\r", "").split("\n")[:-1]]
        return [(boot, int(number)) for boot, number in words]


class Outside:
    """Reads what guests count, below the hypervisors' roots: neither libvirt nor ssh is asked."""

    def __init__(self, cloud: Fleet, *guests: str) -> None:
        self._counts = {name: Count(cloud, name) for name in guests}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.silence = dict.fromkeys(guests, 0.0)
        """The longest time without a new number, for each guest."""
        self._before: dict[str, int] = {}

    def __enter__(self) -> Outside:
        for name, count in self._counts.items():
            count.look()
            self._before[name] = len(count.lines())
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        heard = dict.fromkeys(self._counts, time.monotonic())
        while not self._stop.wait(LOOK):
            for name, count in self._counts.items():
                now = time.monotonic()
                self.silence[name] = max(self.silence[name], now - heard[name])
                if count.look():
                    heard[name] = now

    def boots(self, name: str) -> list[str]:
        return list(dict.fromkeys(boot for boot, _number in self._counts[name].lines()))

    def unbroken(self, name: str) -> int:
        """One boot, every number from 1 once and in order; how many were counted meanwhile."""
        lines = self._counts[name].lines()
        assert len({boot for boot, _number in lines}) == 1, "%s restarted: %s" % (name, sorted({boot for boot, _number in lines}))
        assert [number for _boot, number in lines] == list(range(1, len(lines) + 1)), "%s lost or repeated numbers" % name
        return len(lines) - self._before[name]


class Cloud(Fleet):
    """The lab with the hypervisors, seen without the driver's help."""

    def __init__(self, state: Path) -> None:
        super().__init__(state, NAME)

    def fresh(self) -> None:
        self.lab("mend", *self.boots())
        self.lab("upstream", "advanced")
        self.lab("reset")

    def virsh(self, host: str, *words: str, check: bool = True) -> str:
        return self.sh(host, shlex.join(["virsh", "--quiet", *words]), check=check)

    def put(self, host: str, name: str, autostart: bool = False, transient: bool = False, **more: Any) -> None:
        """A guest that runs and counts."""
        file = "printf %%s %s > /run/guest.xml; " % shlex.quote(hypervisor.guest(name, **more))
        self.sh(host, file + "virsh --quiet %s /run/guest.xml" % ("create" if transient else "define"))
        if not transient:
            self.virsh(host, "start", "--domain", self.uuid(host, name))
        if autostart:
            self.virsh(host, "autostart", "--domain", self.uuid(host, name))
        count = Count(self, more.get("counts") or name)
        wait_for(lambda: count.look() and len(count.lines()) > 3, "guest %s to count" % name)

    def uuid(self, host: str, name: str) -> str:
        uuids = self.virsh(host, "list", "--all", "--uuid").split()
        return next(uuid for uuid in uuids if self.virsh(host, "domname", uuid).strip() == name)

    def at(self, host: str) -> dict[str, tuple[str, bool]]:
        """The active guests: name, state, autostart."""
        found = {}
        for uuid in self.virsh(host, "list", "--uuid").split():
            info = dict(line.split(":", 1) for line in self.virsh(host, "dominfo", uuid).splitlines() if ":" in line)
            found[info["Name"].strip()] = (info["State"].strip(), info["Autostart"].strip() == "enable")
        return found

    def known(self, host: str) -> int:
        return len(self.virsh(host, "list", "--all", "--uuid").split())

    def mode(self, state: str, host: str, check: bool = False, prior: str = "in_service", timeout: float = 90, **options: Any) -> dict[str, Any]:
        more = {"prior_state": prior} if state == "left" else {}
        return module(self, host, "maintenance_mode", state=state, check=check, driver="libvirt", host=host, timeout=timeout,
                      options={"peers": PEERS, **options}, **more)


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    keeper = Cloud(tmp_path_factory.mktemp("keeper"))
    keeper.lab("up", "--topology", "libvirt")
    yield
    keeper.lab("down")


@pytest.fixture
def cloud(standing: None, tmp_path: Path) -> Cloud:
    found = Cloud(tmp_path / "state")
    found.fresh()
    return found


def no_longer_than_its_moves(outside: Outside, name: str, *results: dict[str, Any]) -> None:
    """What a guest missed is less than the longest of its live migrations took."""
    took = [guest["seconds"] for result in results for guest in result["detail"]["guests"] if guest["name"] == name]
    assert len(took) == len(results) and outside.silence[name] <= max(took) + 1, (outside.silence, took)


def test_guests_leave_and_come_back_without_missing_a_number(cloud: Cloud) -> None:
    cloud.put("hv1", "g1", autostart=True)
    cloud.put("hv1", ODD, counts="odd")
    cloud.put("hv1", "passing", transient=True)
    cloud.put("hv1", "asleep")
    cloud.virsh("hv1", "suspend", "asleep")
    before = cloud.at("hv1")
    would = cloud.mode("entered", "hv1", check=True)
    assert len(would["detail"]["would"]) == 4 and cloud.at("hv1") == before, would
    with Outside(cloud, "g1", "odd", "passing") as outside:
        entered = cloud.mode("entered", "hv1")
        assert entered["changed"] and cloud.at("hv1") == {} and cloud.known("hv1") == 0, entered
        assert cloud.at("hv2") == before == {"g1": ("running", True), ODD: ("running", False), "passing": ("running", False),
                                             "asleep": ("paused", False)}
        assert not cloud.mode("entered", "hv1")["changed"]
        left = cloud.mode("left", "hv1", prior=entered["prior_state"])
        assert left["changed"] and cloud.at("hv1") == before and cloud.known("hv2") == 0, left
        assert not cloud.mode("left", "hv1", prior=entered["prior_state"])["changed"]
    for name in ("g1", "odd", "passing"):
        assert outside.unbroken(name) > 10
    for name in ("g1", "passing"):
        no_longer_than_its_moves(outside, name, entered, left)


@pytest.mark.full
def test_a_guest_that_fails_to_move_brings_all_back(cloud: Cloud) -> None:
    cloud.put("hv1", "g1", autostart=True)
    cloud.sh("hv1", "mkdir /%s/here" % hypervisor.COUNTS)
    cloud.put("hv1", "stuck", counts="here/stuck")
    before = cloud.at("hv1")
    with Outside(cloud, "g1", "here/stuck") as outside:
        failed = cloud.mode("entered", "hv1")
    assert failed["failed"] and failed["error"]["blocked"] and failed["undone"] is True and "guest stuck does not move" in failed["msg"], failed
    assert cloud.at("hv1") == before and cloud.known("hv2") == 0
    assert outside.unbroken("g1") > 10 and outside.unbroken("here/stuck") > 10


@pytest.mark.full
def test_a_peer_that_vanishes_in_the_middle_costs_no_guest(cloud: Cloud) -> None:
    cloud.put("hv1", "g1", autostart=True)
    cloud.put("hv1", "g2")
    with Outside(cloud, "g1", "g2") as outside:
        entering = threading.Thread(target=lambda: told.append(cloud.mode("entered", "hv1", timeout=20)))
        told: list[dict[str, Any]] = []
        entering.start()
        wait_for(lambda: "g1" in cloud.at("hv2"), "the first guest to be away", 60)
        cloud.lab("cut", "hv2")
        entering.join()
        failed = told[0]
        assert failed["failed"] and failed["undone"] is False and "UNDOING IT FAILED TOO" in failed["msg"], failed
        assert cloud.at("hv1") == {"g2": ("running", False)}
        cloud.lab("mend", "hv2")
        wait_for(lambda: cloud.at("hv2"), "the peer to answer")
        left = cloud.mode("left", "hv1")
    assert not left["failed"] and cloud.at("hv1") == {"g1": ("running", True), "g2": ("running", False)} and cloud.known("hv2") == 0, left
    assert outside.unbroken("g1") > 10 and outside.unbroken("g2") > 10


@pytest.mark.full
@pytest.mark.parametrize("way", ["save", "shutdown"])
def test_a_lone_guest_is_stopped_only_when_that_is_asked_for(cloud: Cloud, way: str) -> None:
    cloud.put("hv3", "g1", autostart=True, devices=AGENT)
    cloud.sh("hv3", "cat > /usr/local/bin/counting <<'EOF'\n%sEOF\nchmod 755 /usr/local/bin/counting; rm -f /run/answers" % COUNTING)
    wait_for(lambda: "return" in cloud.virsh("hv3", "qemu-agent-command", "g1", '{"execute": "guest-ping"}', check=False), "the guest's agent")
    before = cloud.at("hv3")
    with Outside(cloud, "g1") as outside:
        refused = cloud.mode("entered", "hv3", peers=[])
        assert refused["failed"] and refused["error"]["blocked"] and cloud.at("hv3") == before, refused
        entered = cloud.mode("entered", "hv3", peers=[], unmovable=way)
        assert entered["changed"] and cloud.at("hv3") == {} and cloud.known("hv3") == 1, entered
        cloud.sh("hv3", "systemctl restart libvirtd")
        assert cloud.at("hv3") == {}, "it does not start by itself before the host is left"
        given: dict[str, Any] = {"prior": entered["prior_state"], "peers": [], "unmovable": way, "answers": ["/usr/local/bin/counting"]}
        failed = cloud.mode("left", "hv3", timeout=15, **given)
        assert failed["failed"] and "guest g1 was started again and does not answer" in failed["msg"] and failed["undone"] is True, failed
        assert cloud.at("hv3") == {}, "what does not answer is not in service"
        cloud.sh("hv3", "touch /run/answers")
        left = cloud.mode("left", "hv3", **given)
        assert left["changed"] and cloud.at("hv3") == before and left["detail"]["guests"][0]["answered"] == "agent, command", left
        wait_for(lambda: len(outside.boots("g1")) == (1 if way == "save" else 3), "the guest to count again")
    if way == "save":
        assert outside.unbroken("g1") > 3


@pytest.mark.full
def test_disks_of_one_host_go_along_when_asked_for(cloud: Cloud) -> None:
    disk = "/var/lib/libvirt/images/g1.qcow2"
    for host in ("hv1", "hv2"):
        cloud.virsh(host, "pool-create-as", "images", "dir", "--target", "/var/lib/libvirt/images")
    cloud.sh("hv1", "qemu-img create -q -f qcow2 %s 8M" % disk)
    cloud.put("hv1", "g1", devices="<disk type='file'><driver name='qemu' type='qcow2'/><source file='%s'/><target dev='vda'/></disk>" % disk)
    refused = cloud.mode("entered", "hv1")
    assert refused.get("error", {}).get("blocked") and "disk vda (%s) is on this host alone" % disk in refused["msg"], refused
    with Outside(cloud, "g1") as outside:
        entered = cloud.mode("entered", "hv1", copy_storage=True)
        assert not entered["failed"] and cloud.at("hv2") == {"g1": ("running", False)}, entered
        left = cloud.mode("left", "hv1", prior=entered["prior_state"], copy_storage=True)
    assert not left["failed"] and cloud.at("hv1") == {"g1": ("running", False)}, left
    assert outside.unbroken("g1") > 10


@pytest.mark.full
def test_killed_in_the_middle_is_gone_on_with(cloud: Cloud) -> None:
    for name in ("g1", "g2", "g3"):
        cloud.put("hv1", name)
    before = cloud.at("hv1")
    with Outside(cloud, "g1", "g2", "g3") as outside:
        recorded = cloud.mode("entered", "hv1", check=True)["prior_state"]
        entering = threading.Thread(target=lambda: cloud.mode("entered", "hv1"))
        entering.start()
        wait_for(lambda: cloud.at("hv2"), "the first guest to be away")
        cloud.sh("hv1", "kill -9 $(ps -o ppid= -p $(pgrep -n -x virsh)) || pkill -9 -f AnsiballZ", check=False)
        entering.join()
        again = cloud.mode("entered", "hv1")
        assert not again["failed"] and cloud.at("hv1") == {} and len(cloud.at("hv2")) == 3, again
        left = cloud.mode("left", "hv1", prior=recorded)
    assert not left["failed"] and cloud.at("hv1") == before, left
    assert all(outside.unbroken(name) > 10 for name in ("g1", "g2", "g3"))


@pytest.mark.full
def test_guests_stay_where_they_went_when_nobody_wants_them_back(cloud: Cloud) -> None:
    cloud.put("hv1", "g1", autostart=True)
    with Outside(cloud, "g1") as outside:
        entered = cloud.mode("entered", "hv1", failback="none")
        left = cloud.mode("left", "hv1", prior=entered["prior_state"], failback="none")
        assert not left["failed"] and cloud.at("hv1") == {} and cloud.at("hv2") == {"g1": ("running", True)}, left
        assert not cloud.mode("left", "hv1", prior=entered["prior_state"], failback="none")["changed"]
        # It is at home there now: a later drain of that host takes it along, and brings it back to where it stayed.
        again = cloud.mode("entered", "hv2")
        assert cloud.at("hv1") == {"g1": ("running", True)}, again
        assert cloud.mode("left", "hv2", prior=again["prior_state"])["changed"] and cloud.at("hv2") == {"g1": ("running", True)}
    assert outside.unbroken("g1") > 10


@pytest.mark.full
def test_two_that_evacuate_to_the_same_peer_at_one_moment(cloud: Cloud) -> None:
    """There is room for both."""
    for host, name in (("hv1", "g1"), ("hv2", "g2")):
        cloud.put(host, name)
    before = {host: cloud.at(host) for host in HOSTS}
    third = {"peers": ["qemu+ssh://hv3/system"]}
    told: dict[str, dict[str, Any]] = {}

    def both(state: str) -> None:
        def one(host: str) -> None:
            told[host] = cloud.mode(state, host, prior=told.get(host, {}).get("prior_state", ""), timeout=120, **third)
        threads = [threading.Thread(target=one, args=(host,)) for host in HOSTS[:2]]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    with Outside(cloud, "g1", "g2") as outside:
        both("entered")
        assert (cloud.at("hv1"), cloud.at("hv2")) == ({}, {}) and set(cloud.at("hv3")) == {"g1", "g2"}, told
        both("left")
    assert {host: cloud.at(host) for host in HOSTS} == before, told
    assert all(outside.unbroken(name) > 10 for name in ("g1", "g2"))


@pytest.fixture
def small(cloud: Cloud) -> Iterator[Cloud]:
    """Hypervisors with little memory, as libvirt reads it: two with guests and no room beside them, and a third one with room for two of the three."""
    for host, mebibytes in (("hv1", 400), ("hv2", 200), ("hv3", 500)):
        lines = "".join("%s: %d kB\\n" % (name, size * 1024) for name, size in (("MemTotal", mebibytes), ("MemFree", mebibytes), ("Buffers", 0), ("Cached", 0)))
        cloud.sh(host, "printf '%s' > /run/meminfo && mount --bind /run/meminfo /proc/meminfo" % lines)
    yield cloud
    for host in HOSTS:
        cloud.sh(host, "umount /proc/meminfo")


@pytest.mark.full
def test_room_for_one_is_not_given_to_two(small: Cloud) -> None:
    """The one whose guests are on their way keeps the room also for the guest that has not begun to move; at one moment at most one gets it."""
    cloud = small
    for host, name in (("hv1", "g1"), ("hv1", "next"), ("hv2", "g2")):
        cloud.put(host, name, memory=200)
    before = {host: cloud.at(host) for host in HOSTS}
    given: dict[str, Any] = {"peers": ["qemu+ssh://%s/system" % host for host in HOSTS], "reserve": 0, "timeout": 120}
    told: dict[str, dict[str, Any]] = {}

    def begin(host: str) -> threading.Thread:
        thread = threading.Thread(target=lambda: told.update({host: cloud.mode("entered", host, **given)}))
        thread.start()
        return thread

    with Outside(cloud, "g1", "next", "g2") as outside:
        # So slow that the other one begins meanwhile, whatever the machine is doing.
        cloud.virsh("hv1", "migrate-setspeed", "g1", "1")
        first = begin("hv1")
        wait_for(lambda: "Outgoing migration" in cloud.virsh("hv1", "domjobinfo", "g1", check=False), "the first guest to be on its way")
        late = cloud.mode("entered", "hv2", **given)
        assert late["failed"] and late["error"]["blocked"] and late["undone"] is None, late
        assert "guest g2 can't leave: " in late["msg"] and "hv3 has 100 MiB for guests, it needs 200; 200 are promised to guests on their way" in late["msg"]
        assert cloud.at("hv2") == before["hv2"]
        cloud.virsh("hv1", "migrate-setspeed", "g1", "1000")
        first.join()
        assert not told["hv1"]["failed"] and set(cloud.at("hv3")) == {"g1", "next"} and cloud.at("hv1") == {}, told
        left = cloud.mode("left", "hv1", prior=told["hv1"]["prior_state"], **given)
        assert not left["failed"] and cloud.at("hv1") == before["hv1"], left
        for thread in [begin(host) for host in HOSTS[:2]]:
            thread.join()
        out = [host for host in HOSTS[:2] if not told[host]["failed"]]
        assert len(out) <= 1 and [host for host in HOSTS[:2] if not cloud.at(host)] == out, told
        for host in set(HOSTS[:2]) - set(out):
            assert told[host]["error"]["blocked"] and told[host]["undone"] is not False and cloud.at(host) == before[host], told
        for host in out:
            assert not cloud.mode("left", host, prior=told[host]["prior_state"], **given)["failed"]
    assert {host: cloud.at(host) for host in HOSTS} == before
    assert all(outside.unbroken(name) > 10 for name in ("g1", "next", "g2"))


def evidence(cloud: Cloud) -> list[dict[str, Any]]:
    """What the steps that took guests away and brought them back have in the ledger."""
    with sqlite3.connect(cloud.state / "patchtrain" / "ledger.db") as ledger:
        rows = ledger.execute("SELECT detail FROM steps WHERE step IN ('enter', 'leave') AND outcome = 'ok' ORDER BY id").fetchall()
    return [{"detail": json.loads(detail)["evidence"]} for (detail,) in rows]


def train(cloud: Cloud, **more: Any) -> Played:
    options = {"peers": "{{ [] if inventory_hostname == 'hv3' else %s }}" % PEERS}
    maintenance = [{"driver": "libvirt", "place": "{{ inventory_hostname }}", "timeout": 120, "options": options}]
    return cloud.play(patch_hosts="hypervisor", patch_max_unavailable=1, patch_maintenance=maintenance, patch_max_failed=0,
                      patch_health_checks=[{"cluster": "libvirt", "peers": PEERS, "timeout": 20}], **more)


@pytest.mark.full
def test_hypervisors_are_patched_and_rebooted_and_no_guest_notices(cloud: Cloud) -> None:
    for host, name in (("hv1", "g1"), ("hv1", "g2"), ("hv2", "g3"), ("hv3", "lone")):
        cloud.put(host, name, autostart=name == "g1")
    before, boots = {host: cloud.at(host) for host in HOSTS}, cloud.boots()
    with Outside(cloud, "g1", "g2", "g3", "lone") as outside:
        played = train(cloud)
    assert played.states() == {"hv1": "succeeded", "hv2": "succeeded", "hv3": "blocked"}, played.text[-4000:]
    assert played.rc != 0 and "guest lone can't leave" in played.text
    assert {host: cloud.at(host) for host in HOSTS} == before
    rebooted = {host: count - boots[host] for host, count in cloud.boots().items()}
    assert rebooted == {"hv1": 1, "hv2": 1, "hv3": 0}
    for name in ("g1", "g2", "g3", "lone"):
        assert outside.unbroken(name) > 10
    assert outside.silence["lone"] < max(outside.silence.values()), outside.silence
    walked = evidence(cloud)
    for name in ("g1", "g2", "g3"):
        no_longer_than_its_moves(outside, name, *[result for result in walked if any(guest["name"] == name for guest in result["detail"]["guests"])])
