# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The libvirt driver on hypervisors that are not there: what moves, what is undone, what is left alone. The real ones are in the lab."""

from __future__ import annotations

import json
from typing import Any, Callable, Optional, Sequence

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import (BadInput, CannotMove, MaintenanceFailed, ParseFailed,
                                                                                 ToolMissing)
from ansible_collections.fleetops.patchtrain.plugins.module_utils.runner import Completed
from libvirt_fake import GIB, HV1, HV2, HV3, FakeGuest, Stage, bad, good, late, missing


def three() -> Stage:
    return Stage(FakeGuest("g1", 1, autostart=True), FakeGuest("g2", 2, state="paused", memory=2 * GIB), FakeGuest("-x; rm 'q$(id)", 3),
                 FakeGuest("off", 4, active=False, state="shut off", autostart=True), FakeGuest("gone", 5, persistent=False))


def on(command: str, act: Callable[..., Optional[Completed]], nth: int = 1) -> Callable[..., Optional[Completed]]:
    """A fault at the nth time that a command is given."""
    count = [0]

    def fault(words: Sequence[str], uri: str) -> Optional[Completed]:
        count[0] += words[0] == command
        return act(words, uri) if words[0] == command and count[0] == nth else None
    return fault


def test_entered_and_left() -> None:
    stage = three()
    before = stage.looks()
    entered = stage.driver().enter(60)
    assert entered.changed and [guest.active for guest in stage.hosts[HV1].guests.values()] == [False]
    assert {guest.name: (guest.state, guest.autostart) for guest in stage.hosts[HV2].guests.values()} == {
        "g1": ("running", True), "g2": ("paused", False), "-x; rm 'q$(id)": ("running", False), "gone": ("running", False)}
    assert [(one["what"], one["from"], one["to"]) for one in entered.detail["moved"]] == [
        ("guest %s" % name, "hv1", "hv2") for name in ("g2", "-x; rm 'q$(id)", "g1", "gone")]
    stage.driver().verify("entered")
    with pytest.raises(MaintenanceFailed, match="5 guests of hv1 are not back"):
        stage.driver().verify("left")
    left = stage.driver().leave(entered.prior_state, 60)
    assert left.changed and stage.looks() == before
    assert {(one["what"], one["from"], one["to"]) for one in left.detail["moved"]} == {
        ("guest %s" % name, "hv2", "hv1") for name in ("g2", "-x; rm 'q$(id)", "g1", "gone")}
    stage.driver().verify("left")
    with pytest.raises(MaintenanceFailed, match="hv1 is not empty: -x; rm 'q.*is running"):
        stage.driver().verify("entered")


def test_a_second_time_changes_nothing() -> None:
    stage = three()
    prior = stage.driver().enter(60).prior_state
    stage.commands.clear()
    again = stage.driver().enter(60)
    assert not again.changed and stage.changes == []
    assert not stage.driver().leave(again.prior_state, 60).changed and stage.changes == [], "what was found away is left away"
    assert stage.driver().leave(prior, 60).changed
    stage.commands.clear()
    assert not stage.driver().leave(prior, 60).changed and stage.changes == []


def test_marks_alone_bring_everybody_back() -> None:
    stage = three()
    before = stage.looks()
    stage.driver().enter(60)
    assert stage.driver().leave("in_service", 60).changed and stage.looks() == before


def test_without_its_mark_a_guest_is_known_by_the_prior_state() -> None:
    stage = three()
    before = stage.looks()
    prior = stage.driver().enter(60).prior_state
    for guest in stage.hosts[HV2].guests.values():
        guest.home = ""
    stage.driver().leave(prior, 60)
    assert stage.looks() == before


def test_an_empty_hypervisor_has_nothing_to_do() -> None:
    stage = Stage()
    done = stage.driver(peers=[]).enter(10)
    assert (done.changed, done.prior_state, stage.changes) == (False, "in_service", [])


def test_check_mode_reads() -> None:
    stage = three()
    before = stage.looks()
    done = stage.driver(check_mode=True).enter(60)
    assert done.changed and "migrate g1 to " + HV2 in done.detail["would"] and "hold back the automatic start of off" in done.detail["would"]
    assert stage.changes == [] and stage.looks() == before
    prior = stage.driver().enter(60).prior_state
    assert prior == done.prior_state
    stage.commands.clear()
    left = stage.driver(check_mode=True).leave(prior, 60)
    assert "migrate g1 from " + HV2 in left.detail["would"] and stage.changes == []
    driver = stage.driver(check_mode=True)
    with pytest.raises(MaintenanceFailed, match="check mode refused to run virsh start"):
        driver._here.start(FakeGuest("x", 1), 1.0)


@pytest.mark.parametrize("options, reason", [
    ({"peers": []}, "the option peers names none"),
    ({"peers": [HV1]}, "the option peers names none"),
    ({"peers": [HV1, "qemu+tcp://nobody/system"]}, "No route to host"),
    ({"pinned": ["g[1]"]}, "guest g1 can't leave: the option pinned names it"),
    ({"reserve": 1000000}, "hv2 has 0 MiB for guests"),
])
def test_a_hypervisor_whose_guests_cannot_move_is_left_alone(options: Any, reason: str) -> None:
    stage = three()
    before = stage.looks()
    with pytest.raises(CannotMove) as caught:
        stage.driver(**options).enter(60)
    assert reason in caught.value.message and caught.value.data["blocked"] and caught.value.data["guests"]
    assert stage.changes == [] and stage.looks() == before


def test_a_disk_of_this_host_alone_keeps_its_guest() -> None:
    disk = "<disk type='file'><source file='/srv/x.img'/><target dev='vda'/></disk>"
    stage = Stage(FakeGuest("g1", 1, devices=disk))
    with pytest.raises(CannotMove, match=r"its disk vda \(/srv/x.img\) is on this host alone"):
        stage.driver().enter(60)
    assert stage.driver(check_mode=True, shared=["/srv/*"]).enter(60).changed
    stage.file_system = "nfs"
    assert stage.driver(check_mode=True).enter(60).changed
    stage.file_system = "ext2/ext3"
    assert stage.driver(copy_storage=True).enter(60).changed
    migrate = next(words for words in stage.commands if words[0] == "migrate")
    assert list(migrate[migrate.index("--copy-storage-all"):][:3]) == ["--copy-storage-all", "--migrate-disks", "vda"]


def test_a_silent_peer_is_done_without() -> None:
    stage = three()
    assert stage.driver(peers=["qemu+ssh://nobody/system", HV2]).enter(60).changed


def test_a_peer_in_maintenance_takes_nobody() -> None:
    stage = three()
    away = FakeGuest("theirs", 9, home='<home host="hv2" state="running" autostart="no" way="move"/>')
    stage.hosts[HV1].guests[away.uuid] = away
    with pytest.raises(CannotMove, match=r"it is in maintenance itself \(guest theirs belongs there\)"):
        stage.driver().enter(60)
    done = stage.driver(peers=[HV2, HV3])
    assert done.enter(60).changed and "hv2" in away.home, "who is only parked here keeps the mark of where it belongs"
    done.leave("in_service", 60)
    assert away.uuid in stage.hosts[HV3].guests and "hv2" in away.home


def test_of_two_that_evacuate_to_each_other_at_once_none_keeps_what_it_began() -> None:
    stage = three()
    before = stage.looks()
    other = FakeGuest("theirs", 9, home='<home host="hv2" state="running" autostart="no" way="move"/>')
    stage.faults.append(on("metadata", lambda words, uri: stage.hosts[HV2].guests.update({other.uuid: other})))
    with pytest.raises(CannotMove, match="takes none any more .*it is in maintenance itself.*undone"):
        stage.driver().enter(60)
    assert stage.looks()[HV1] == before[HV1] and "migrate" not in stage.changes


def test_of_two_that_evacuate_to_the_same_peer_none_takes_the_others_room() -> None:
    """Each sees where the other's guests go before the first of them is there."""
    stage = three()
    stage.hosts[HV3].total = stage.hosts[HV3].free = 12 * GIB
    theirs = FakeGuest("theirs", 9, memory=7 * GIB, home='<home host="hv2" state="running" autostart="no" way="move" to="hv3"/>')
    stage.hosts[HV2].guests[theirs.uuid] = theirs
    before = stage.looks()
    peers = {"peers": [HV2, HV3], "reserve": 1024}
    with pytest.raises(CannotMove, match=r"guest gone can't leave: .*hv3 has 0 MiB for guests, it needs 1024; 7168 are promised to guests on their way"):
        stage.driver(**peers).enter(60)
    assert stage.looks() == before and stage.changes == []
    theirs.home = ""
    stage.faults.append(on("metadata", lambda words, uri: setattr(theirs, "home", '<home host="hv2" state="running" autostart="no" way="move" to="hv3"/>')))
    with pytest.raises(CannotMove, match="undone: its guests are as they were"):
        stage.driver(peers=[HV2, HV3], reserve=1024).enter(60)
    assert stage.looks()[HV1] == before[HV1] and "migrate" not in stage.changes
    del stage.hosts[HV2].guests[theirs.uuid]
    stage.hosts[HV3].guests[theirs.uuid] = theirs
    stage.hosts[HV3].total = stage.hosts[HV3].free = 13 * GIB
    assert stage.driver(peers=[HV3], reserve=1024).enter(60).changed, "who has arrived is not counted twice"
    assert {guest.name: guest.home.count('to="hv3"') for guest in stage.hosts[HV3].guests.values()} == dict.fromkeys(
        ("g1", "g2", "-x; rm 'q$(id)", "gone", "theirs"), 1)


def test_a_migration_that_fails_brings_back_who_had_moved() -> None:
    stage = three()
    before = stage.looks()
    stage.faults.append(on("migrate", lambda words, uri: bad("error: internal error: unsupported feature on the other side"), nth=3))
    with pytest.raises(CannotMove, match="does not move: .*unsupported feature.*undone: its guests are as they were") as caught:
        stage.driver().enter(60)
    assert caught.value.data["undone"] is True and stage.changes.count("migrate") == 5 and stage.looks() == before


def test_a_migration_that_takes_too_long_is_broken_off() -> None:
    stage = three()
    before = stage.looks()
    stage.faults.append(on("migrate", lambda words, uri: late(words), nth=2))
    with pytest.raises(MaintenanceFailed, match="did not move within 60 s; undone") as caught:
        stage.driver().enter(60)
    assert not isinstance(caught.value, CannotMove) and stage.looks() == before
    assert "domjobabort" in [words[0] for words in stage.commands]


def test_a_limit_that_passes_between_two_guests() -> None:
    stage = three()
    before = stage.looks()

    def slow(_words: Sequence[str], _uri: str) -> None:
        stage.time += 61

    stage.faults.append(on("migrate", slow))
    with pytest.raises(MaintenanceFailed, match="did not leave within 60 s; .* was next; undone"):
        stage.driver().enter(60)
    assert stage.looks() == before


def test_success_without_a_move_is_no_success() -> None:
    stage = three()
    stage.faults.append(on("migrate", lambda words, uri: good("")))
    before = stage.looks()
    with pytest.raises(MaintenanceFailed, match="is gone at .*hv2/system after its migration, and was paused"):
        stage.driver().enter(60)
    assert stage.looks() == before


def test_a_guest_that_is_started_meanwhile() -> None:
    stage = three()
    late_guest = FakeGuest("late", 8)
    stage.faults.append(on("migrate", lambda words, uri: stage.hosts[HV1].guests.update({late_guest.uuid: late_guest}), nth=4))
    with pytest.raises(MaintenanceFailed, match="hv1 is not empty: late is running"):
        stage.driver().enter(60)
    assert len(stage.hosts[HV1].guests) == 6 and not stage.hosts[HV2].guests


def test_a_peer_that_dies_in_the_middle_is_said_loudly() -> None:
    stage = three()

    def dies(_words: Sequence[str], _uri: str) -> None:
        stage.hosts[HV2].dead = True

    stage.faults.append(on("migrate", dies, nth=3))
    with pytest.raises(MaintenanceFailed, match="UNDOING IT FAILED TOO: 2 guests of hv1 are not found.*nobody answers") as caught:
        stage.driver().enter(60)
    assert caught.value.data["undone"] is False and not isinstance(caught.value, CannotMove)
    here = stage.hosts[HV1].guests.values()
    assert all(guest.active and guest.restarts == 0 for guest in here if guest.name != "off") and len(here) == 3


def test_a_peer_that_hangs_is_asked_once() -> None:
    stage = three()
    before = stage.looks()
    asked = []

    def hangs(words: Sequence[str], uri: str) -> None:
        if uri == HV3 and not asked:
            asked.append(words)
        elif uri == HV3:
            raise AssertionError("asked again")
        if uri == HV3:
            late(words)

    stage.faults += [hangs, on("migrate", lambda words, uri: bad("error: no"), nth=2)]
    with pytest.raises(CannotMove, match="undone"):
        stage.driver(peers=[HV2, HV3]).enter(60)
    assert stage.looks() == before and len(asked) == 1


def test_room_that_is_gone_meanwhile() -> None:
    stage = three()
    before = stage.looks()

    def fills(_words: Sequence[str], _uri: str) -> None:
        stage.hosts[HV2].free = GIB

    stage.faults.append(on("migrate", fills))
    with pytest.raises(CannotMove, match="hv2 has no room for guest .* any more; undone"):
        stage.driver().enter(60)
    assert stage.looks() == before


@pytest.mark.parametrize("way", ["shutdown", "save"])
def test_who_cannot_move_is_stopped_when_that_is_asked_for(way: str) -> None:
    stage = Stage(FakeGuest("free", 1), FakeGuest("kept", 2, autostart=True), FakeGuest("kept2", 3, state="paused" if way == "save" else "running"))
    before = stage.looks()
    prior = stage.driver(unmovable=way, pinned=["kept*"]).enter(60).prior_state
    assert {guest.name: (guest.active, guest.autostart) for guest in stage.hosts[HV1].guests.values()} == {
        "kept": (False, False), "kept2": (False, False)}
    assert stage.driver(failback="none").leave(prior, 60).changed
    assert stage.looks()[HV1] == [look for look in before[HV1] if look[0] != "free"]
    assert [guest.home for guest in stage.hosts[HV2].guests.values()] == [""], "who stays elsewhere is at home there"
    stage.commands.clear()
    assert not stage.driver(failback="none").leave(prior, 60).changed and stage.changes == []


@pytest.mark.parametrize("way", ["shutdown", "save"])
def test_who_was_stopped_is_asked_before_it_counts_as_back(way: str) -> None:
    """By its agent, where that answered before, and by the user's command; all boot while the first is asked."""
    agent, silent = FakeGuest("-x; $(id)", 1, agent="connected"), FakeGuest("plain", 2, agent="disconnected")
    stage = Stage(agent, silent, FakeGuest("asleep", 3, state="paused" if way == "save" else "running"), FakeGuest("moves", 4, agent="connected"))
    options: Any = {"unmovable": way, "pinned": ["-x*", "plain", "asleep"], "answers": ["answers"], "peers": [HV2]}
    before = stage.looks()
    prior = stage.driver(**options).enter(60).prior_state
    assert 'agent="yes"' in agent.home and "agent" not in silent.home
    stage.answering = lambda: stage.time > 20
    done = stage.driver(**options).leave(prior, 60)
    assert stage.looks() == before and stage.time > 20, "a command that hangs is only no answer"
    assert {guest["name"]: guest["answered"] for guest in done.detail["guests"]} == {
        "-x; $(id)": "agent, command", "plain": "command", "asleep": None if way == "save" else "command", "moves": None}
    assert {"PATCHTRAIN_GUEST": "-x; $(id)", "PATCHTRAIN_GUEST_UUID": agent.uuid} in stage.asked
    assert not stage.driver(**options).leave(prior, 60).changed


def test_who_runs_again_and_does_not_answer_is_not_back() -> None:
    stage = Stage(FakeGuest("deaf", 1, agent="connected", autostart=True), FakeGuest("good", 2))
    prior = stage.driver(unmovable="shutdown", peers=[]).enter(60).prior_state
    away = stage.looks()
    stage.answering = lambda: False
    with pytest.raises(MaintenanceFailed, match=r"guest deaf was started again and does not answer within 60 s \(asked: its agent\); undone") as caught:
        stage.driver(unmovable="shutdown", peers=[]).leave(prior, 60)
    assert caught.value.data["undone"] is True and stage.looks() == away


def test_who_asks_has_to_be_there_before_anybody_is_stopped() -> None:
    stage = Stage(FakeGuest("kept", 1))
    with pytest.raises(BadInput, match="the option answers names the program missing, which hv1 has not"):
        stage.driver(unmovable="save", peers=[], answers=["missing"]).enter(60)
    assert stage.changes == []
    assert stage.driver(answers=["missing"]).enter(60).changed, "nobody is stopped"


def test_a_guest_that_does_not_shut_down() -> None:
    stage = Stage(FakeGuest("free", 1), FakeGuest("deaf", 2, obeys=False, autostart=True))
    before = stage.looks()
    with pytest.raises(MaintenanceFailed, match="guest deaf did not shut down within 60 s; undone"):
        stage.driver(unmovable="shutdown", pinned=["deaf"]).enter(60)
    assert stage.looks() == before


def test_a_failback_that_fails_sends_the_others_away_again() -> None:
    stage = three()
    prior = stage.driver().enter(60).prior_state
    away = stage.looks()
    stage.faults.append(on("migrate", lambda words, uri: bad("error: no"), nth=3))
    with pytest.raises(MaintenanceFailed, match="does not move: .*undone: its guests are away again") as caught:
        stage.driver().leave(prior, 60)
    assert caught.value.data["undone"] is True and stage.looks() == away
    stage.faults.clear()
    stage.driver().leave(prior, 60)
    assert not stage.hosts[HV2].guests


def test_guests_that_changed_elsewhere_come_back_as_they_are() -> None:
    stage = three()
    prior = stage.driver(peers=[HV1, HV2, HV3]).enter(60).prior_state
    found = {guest.name: guest for host in stage.hosts.values() for guest in host.guests.values()}
    found["g1"].active, found["g1"].state = False, "shut off"
    for host in stage.hosts.values():
        host.guests.pop(found["gone"].uuid, None)
    done = stage.driver(peers=[HV1, HV2, HV3]).leave(prior, 60)
    assert found["gone"].uuid in done.detail["note"] and "exist nowhere any more" in done.detail["note"]
    assert stage.hosts[HV1].guests[found["g1"].uuid].state == "shut off" and found["g1"].autostart


def test_a_guest_that_may_be_where_nobody_answers_is_not_given_up() -> None:
    stage = three()
    prior = stage.driver().enter(60).prior_state
    stage.hosts[HV2].dead = True
    with pytest.raises(MaintenanceFailed, match="4 guests of hv1 are not found, and may be where nobody answers"):
        stage.driver().leave(prior, 60)


def test_another_hypervisor_is_never_emptied() -> None:
    with pytest.raises(BadInput, match="speaks for hv1, not for hv7"):
        three().driver("hv7").enter(60)
    assert three().driver("HV1.example.com", check_mode=True).enter(60).changed


def test_virsh_is_missing_or_answers_nonsense() -> None:
    stage = three()
    stage.faults.append(lambda words, uri: missing())
    with pytest.raises(ToolMissing, match="virsh can't be run"):
        stage.driver().enter(60)
    stage.faults[:] = [lambda words, uri: good("\x1b[31mPlease log in\n")]
    with pytest.raises(ParseFailed, match=r"it answered: \?\[31mPlease log in"):
        stage.driver().enter(60)
    stage.faults[:] = [lambda words, uri: good("oops") if words[0].startswith("dominfo") else None]
    with pytest.raises(ParseFailed, match="not understood: oops"):
        stage.driver().enter(60)


def test_told_to_end_while_a_peer_is_asked_is_no_silent_peer() -> None:
    stage = three()

    def signalled(_words: Sequence[str], uri: str) -> None:
        if uri == HV2:
            raise MaintenanceFailed("told to end by signal 15", signal=15)

    stage.faults.append(signalled)
    with pytest.raises(MaintenanceFailed, match="told to end"):
        stage.driver().enter(60)


@pytest.mark.parametrize("options, words", [
    ({"peers": ["-oProxyCommand=id"]}, "no address of a libvirt"), ({"peers": ["qemu+ssh://a b/"]}, "no address"), ({"uri": 3}, "no address"),
    ({"unmovable": "kill"}, "not one of refuse, shutdown, save"), ({"failback": "some"}, "not one of all, none"), ({"peer": HV2}, "has no option 'peer'"),
])
def test_options_that_are_wrong(options: Any, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        Stage().driver(**options)


def test_guests_are_named_by_their_uuid_alone() -> None:
    stage = three()
    prior = stage.driver().enter(60).prior_state
    stage.driver().leave(prior, 60)
    assert not any("rm 'q" in word for words in stage.commands for word in words)
    assert any(guest["name"] == "-x; rm 'q$(id)" for guest in json.loads(prior)["guests"])
