# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose run it is."""

from __future__ import annotations

import socket
import subprocess

from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger.owner import NOBODY, Owner, is_gone, owner_of


def test_this_process_lives() -> None:
    me = owner_of()
    assert me == owner_of() and me.host == socket.gethostname() and me.boot_id and me.started
    assert not is_gone(me.to_dict())


def test_a_process_that_ended_is_gone() -> None:
    process = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    owner = owner_of(process.pid).to_dict()
    assert not is_gone(owner)
    process.communicate()
    assert is_gone(owner)


def test_a_number_used_again_is_another_process() -> None:
    me = owner_of()
    assert is_gone(Owner(me.host, me.pid, me.started - 1, me.boot_id).to_dict())


def test_nothing_lives_through_a_reboot_and_nothing_is_known_of_other_machines() -> None:
    me = owner_of()
    assert is_gone(Owner(me.host, me.pid, me.started, "another boot").to_dict())
    assert not is_gone(Owner("other.example", 1, 1, "another boot").to_dict())
    assert not is_gone({})


def test_what_was_declared_to_be_nobodys_is_gone() -> None:
    assert is_gone(NOBODY.to_dict())


def test_a_programs_name_may_hold_anything() -> None:
    fields = " ".join(str(n) for n in range(4, 30))
    files = {"/proc/7/stat": "7 (a) b (c)) S " + fields, "/proc/sys/kernel/random/boot_id": "b\n"}
    assert owner_of(7, files.get) == Owner(socket.gethostname(), 7, 22, "b")


def test_without_proc_nothing_is_taken_for_gone() -> None:
    nothing: dict[str, str] = {}
    owner = owner_of(7, nothing.get)
    assert owner == Owner(socket.gethostname(), 7, 0, "")
    assert not is_gone(owner.to_dict(), read=nothing.get)


def test_what_runs_on_another_machine_lives_as_long_as_its_lease() -> None:
    me = owner_of()
    away, twin = Owner("other.example", 7, 7, "b").to_dict(), Owner(me.host, 7, 7, "b", "another machine of the same name").to_dict()
    for elsewhere in (away, twin):
        assert is_gone(elsewhere, -1.0) and not is_gone(elsewhere, 1.0) and not is_gone(elsewhere)
    assert not is_gone(me.to_dict(), -1.0), "what can be seen needs no lease"
    assert is_gone(Owner(me.host, 7, 7, "b", me.machine).to_dict(), 9.0)


def test_who_has_other_process_numbers_lives_as_long_as_its_lease() -> None:
    me = owner_of()
    assert me.namespace.startswith("pid:[")
    contained = dict(me.to_dict(), pid=7, started=7, namespace="pid:[1]")
    assert is_gone(contained, -1.0) and not is_gone(contained, 1.0) and not is_gone(contained)
    older = {key: value for key, value in contained.items() if key != "namespace"}
    assert is_gone(older, 1.0)
