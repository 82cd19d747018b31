# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What virsh of libvirt 9.0 said of three real guests, and which guest goes where."""

from __future__ import annotations

import re
from pathlib import Path
from typing import List

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import BadInput, ParseFailed
from ansible_collections.fleetops.patchtrain.plugins.module_utils.maintenance import _libvirt_plan as plan
from ansible_collections.fleetops.patchtrain.plugins.module_utils.maintenance._libvirt_guests import (MOVE, SAVE, SHUTDOWN, Disk, Guest, Home,
                                                                                                     parse_guests, parse_overview)
from ansible_collections.fleetops.patchtrain.plugins.module_utils.maintenance._libvirt_virsh import Hypervisor
from hypothesis import given
from hypothesis import strategies as st

DATA = Path(__file__).parent / "data" / "libvirt-9.0"
MIB = 1024


def said(name: str) -> str:
    return (DATA / name).read_text()


def test_an_overview() -> None:
    seen = parse_overview(said("overview.txt"))
    assert (seen.host, seen.total, seen.free, len(seen.uuids)) == ("hv3", 24683672, 16779492 + 170580 + 3688132, 3)


def test_guests() -> None:
    paused, transient, big = parse_guests(said("guests.txt"))
    assert (paused.name, paused.active, paused.state, paused.persistent, paused.memory) == ("g3", True, "paused", True, 98304)
    assert paused.home == Home("hv3", "paused", False, "move") and not paused.held and not paused.disks
    assert (transient.name, transient.active, transient.persistent, transient.home) == ("-x; rm 'q$(id)<&", True, False, None)
    assert (big.active, big.autostart, big.title, big.pinned) == (False, True, "The ledger's database", "licence is bound to this host")
    assert sorted(big.held) == ["a file system of the host (mount)", "a host device (pci)"]
    assert big.disks == (Disk("vda", "file", "/srv/images/big.qcow2"), Disk("vdb", "network", "")), "an empty drive holds nothing"


@pytest.mark.parametrize("state, runs", [(" state='connected'", True), (" state='disconnected'", False), ("", False)])
def test_an_agent_runs_in_a_guest_where_its_channel_says_so(state: str, runs: bool) -> None:
    target = "<target type='virtio' name='org.qemu.guest_agent.0'%s/>" % state
    channel = "<channel type='unix'><source mode='bind' path='/x'/>%s<alias name='channel0'/></channel></devices>" % target
    assert [guest.agent for guest in parse_guests(said("guests.txt").replace("</devices>", channel, 1))] == [runs, False, False]


@pytest.mark.parametrize("text", ["", "error: no\n", "hv1\n", "hv1\ntotal  : many KiB\n", "<html>\ntotal: 1 KiB\n"])
def test_an_overview_that_is_nonsense(text: str) -> None:
    with pytest.raises(ParseFailed, match="neither name nor memory"):
        parse_overview(text)


@pytest.mark.parametrize("change", [("UUID:", "UID:"), ("State:", "Stat:"), ("</domain>", ""), ("98304 KiB", "96 MiB"), ("<domain", "<dom"),
                                    ("Id: ", "Nr: ")])
def test_guests_that_are_nonsense(change: tuple) -> None:
    with pytest.raises(ParseFailed):
        parse_guests(said("guests.txt").replace(*change))


def test_a_mark_is_read_as_it_was_written() -> None:
    home = Home("hv'1\"<&>", "paused", True, "save")
    written = home.xml().replace("<home", '<p:home xmlns:p="urn:fleetops:patchtrain:home"')
    text, count = re.subn("<patchtrain:home .*/>", written.replace("\\", r"\\"), said("guests.txt"))
    assert count == 1 and parse_guests(text)[0].home == home


# Which guest goes where


def guest(number: int, memory: int = 100, **more: object) -> Guest:
    return Guest("%08d-0000-4000-8000-000000000000" % number, "g%d" % number, "", True, more.pop("state", "running"), memory * MIB,  # type: ignore[arg-type]
                 bool(more.pop("persistent", True)), False, False, **more)  # type: ignore[arg-type]


def side(number: int, memory: int, *guests: Guest) -> Hypervisor:
    return Hypervisor("qemu+ssh://hv%d/system" % number, "hv%d" % number, memory * MIB, memory * MIB, guests)


def rules(**more: object) -> plan.Rules:
    given_rules = {"unmovable": "refuse", "pinned": (), "copy_storage": False, "reserve": 0, "local_path": lambda path: True, **more}
    return plan.Rules(**given_rules)  # type: ignore[arg-type]


sizes = st.lists(st.integers(1, 64), max_size=8)


@given(sizes, sizes, st.integers(0, 32))
def test_no_peer_gets_more_than_it_has_and_every_guest_has_one_fate(guests: List[int], peers: List[int], reserve: int) -> None:
    here = side(0, 1, *(guest(number, memory) for number, memory in enumerate(guests)))
    others = plan.Peers(tuple(side(number + 1, memory) for number, memory in enumerate(peers)))
    made = plan.make(here, others, rules(reserve=reserve))
    assert sorted([step.guest.uuid for step in made.steps] + [item[0].uuid for item in made.stuck]) == sorted(g.uuid for g in here.guests)
    for peer in others.usable:
        taken = sum(step.guest.memory for step in made.steps if step.peer == peer.uri)
        assert taken <= max(0, peer.available - reserve * MIB)
    assert made == plan.make(here, others, rules(reserve=reserve))
    assert all(step.way == MOVE and step.peer for step in made.steps)


def test_what_a_peer_promised_to_guests_that_do_not_use_it_yet_is_not_free() -> None:
    assert side(1, 100, guest(1, 60)).available == 40 * MIB


@pytest.mark.parametrize("stuck, words", [
    (guest(1, pinned="licence"), "it is pinned: licence"),
    (guest(1, state="in shutdown"), "it is in shutdown"),
    (guest(1, held=("a host device (pci)", "a vsock")), "it has a host device (pci) and a vsock"),
    (guest(1, disks=(Disk("vda", "file", "/x.img"),)), "its disk vda (/x.img) is on this host alone"),
    (guest(1, disks=(Disk("vda", "nvme", ""),)), "its disk vda (nvme) is on this host alone"),
    (guest(1, memory=5000), "no peer takes it (hv2 has 1000 MiB for guests, it needs 5000)"),
    (guest(9), "no peer takes it (hv2 runs a guest of this UUID)"),
    (Guest("00000001-0000-4000-8000-000000000000", "g9", "", True, "running", 1, True, False, False), "hv2 has another guest of this name"),
])
def test_why_a_guest_stays(stuck: Guest, words: str) -> None:
    made = plan.make(side(1, 1, stuck), plan.Peers((side(2, 1100, guest(9)),)), rules())
    assert made.steps == () and words in made.stuck[0][1]


def test_names_and_titles_can_be_pinned_and_snapshots_pin_too() -> None:
    titled = Guest("00000003-0000-4000-8000-000000000000", "c", "Ledger: main", True, "running", 1, True, False, False)
    here, peers = side(1, 1, guest(1), guest(2), titled), plan.Peers((side(2, 1000),))
    made = plan.make(here, peers, rules(pinned=("g1", "Ledger*")))
    assert sorted(item[0].name for item in made.stuck) == ["c", "g1"]
    assert [item[1] for item in plan.make(here, peers, rules(snapshots=(guest(2).uuid,))).stuck] == [
        "it has snapshots or checkpoints, with which libvirt lets no guest go"]


def test_disks_go_along_when_asked_for_and_shared_ones_need_not() -> None:
    disks = (Disk("vda", "file", "/local/x"), Disk("vdb", "file", "/nfs/y"), Disk("vdc", "network", ""))
    here, peers = side(1, 1, guest(1, disks=disks)), plan.Peers((side(2, 1000),))
    local = {"local_path": lambda path: path.startswith("/local")}
    assert "disk vda" in plan.make(here, peers, rules(**local)).stuck[0][1]
    assert plan.make(here, peers, rules(copy_storage=True, **local)).steps[0].copied == ("vda",)
    assert plan.make(here, peers, rules(local_path=lambda path: False)).steps[0].copied == ()


@pytest.mark.parametrize("item, way, ok", [
    (guest(1), SHUTDOWN, True), (guest(1), SAVE, True), (guest(1, persistent=False), SAVE, False), (guest(1, persistent=False), SHUTDOWN, False),
    (guest(1, state="paused"), SHUTDOWN, False), (guest(1, state="paused"), SAVE, True), (guest(1, held=("a vsock",)), SHUTDOWN, True),
    (guest(1, held=("a vsock",)), SAVE, False)])
def test_who_can_be_stopped(item: Guest, way: str, ok: bool) -> None:
    made = plan.make(side(1, 1, item), plan.Peers(()), rules(unmovable=way))
    assert [step.way for step in made.steps] == ([way] if ok else []) and len(made.stuck) == (0 if ok else 1)


@pytest.mark.parametrize("text", ["draining", "[]", "{}", '{"host": "hv1", "guests": [{}]}', '{"host": "hv1", "guests": 3}', '{"host": "hv2", "guests": []}'])
def test_a_prior_state_of_something_else_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="prior_state"):
        plan.read_description(text, "hv1")


@given(st.lists(st.tuples(st.text(), st.booleans()), max_size=5))
def test_the_prior_state_comes_back_as_it_went(found: List[tuple]) -> None:
    steps = [plan.Step(Guest(str(number), name, "", True, "paused", 1, True, auto, False), MOVE) for number, (name, auto) in enumerate(found)]
    back = plan.homes(plan.read_description(plan.describe("hv1", steps), "hv1"), "hv1")
    assert back == {step.guest.uuid: Home("hv1", "paused", step.guest.autostart, MOVE) for step in steps}
