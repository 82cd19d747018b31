# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What systemd 252, ss and the kernel say, as recorded from a real host."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import ParseFailed
from ansible_collections.fleetops.patchtrain.plugins.module_utils.health import parse
from hypothesis import given
from hypothesis import strategies as st

DATA = Path(__file__).parent / "data"


def text(name):
    return (DATA / name).read_text()


def test_manager():
    assert parse.properties(text("systemd-252/manager-busy.txt")) == [{"NJobs": "3", "SystemState": "degraded"}]


def test_units():
    assert parse.units(text("systemd-252/units-busy.txt")) == [
        ("broken.service", "failed", "failed"), ("flapping.service", "activating", "auto-restart"),
        ("routine.service", "activating", "start"), ("slow.service", "activating", "start")]
    assert parse.units(text("systemd-252/units-quiet.txt")) == []


def test_units_with_the_bullets_of_older_versions():
    assert parse.units("● broken.service loaded failed failed broken.service\n") == [("broken.service", "failed", "failed")]


def test_jobs():
    assert parse.jobs(text("systemd-252/jobs-busy.txt")) == [
        ("later.service", "start", "waiting"), ("routine.service", "start", "running"), ("slow.service", "start", "running")]
    assert parse.jobs("No jobs running.\n") == []


def test_what_a_timer_started_is_routine():
    assert parse.routine(parse.properties(text("systemd-252/job-units-busy.txt"))) == ["routine.service"]


def test_a_service_that_a_timer_started_and_that_stays_is_no_routine():
    blocks = parse.properties(text("systemd-252/job-units-busy.txt").replace("Type=oneshot", "Type=simple"))
    assert parse.routine(blocks) == []


def test_restarts():
    assert parse.restarts(parse.properties(text("systemd-252/restarts-flapping.txt"))) == {"flapping.service": 3}
    assert parse.restarts(parse.properties(text("systemd-252/restarts-quiet.txt"))) == {}


def test_ss():
    sockets = parse.ss_sockets(text("sockets/ss.txt"))
    assert [str(socket) for socket in sockets] == [
        "udp 0.0.0.0:45123 client", "udp 127.0.0.53%lo:53 resolver", "udp 0.0.0.0:123 timekeeper",
        "udp [fe80::10c5:7ff:fe1e:3088]%dummy0:123 timekeeper", "udp [::1]:323 timekeeper", "tcp 127.0.0.53%lo:53 resolver",
        'tcp 127.0.0.1:5432 odd"', "tcp 0.0.0.0:80 web server", "tcp 127.0.0.1:50123 client", "tcp *:8080 web server",
        "tcp [::]:443 web server"]


def test_ss_without_the_rights_to_see_processes():
    unnamed = "\n".join(line.split("users:")[0] for line in text("sockets/ss.txt").splitlines())
    assert str(parse.ss_sockets(unnamed)[0]) == "udp 0.0.0.0:45123"


def test_a_process_can_not_move_a_terminal():
    hostile = text("sockets/ss.txt").replace('"resolver"', '"\x1b[31mred"')
    assert str(parse.ss_sockets(hostile)[1]) == "udp 127.0.0.53%lo:53 ?[31mred"


def test_the_kernels_tables_tell_the_same_sockets_as_ss():
    tables = [socket for name in ("tcp", "tcp6", "udp", "udp6")
              for socket in parse.proc_sockets(name[:3], text("sockets/proc-net-%s.txt" % name))]
    from_ss = {socket.key.replace("%lo", "").replace("%dummy0", "") for socket in parse.ss_sockets(text("sockets/ss.txt"))}
    # The kernel's table does not tell [::] from both families.
    assert {socket.key for socket in tables} == {key.replace("[::]:443", "*:443") for key in from_ss}


def test_ephemeral_ports_do_not_last():
    found = parse.lasting(parse.ss_sockets(text("sockets/ss.txt")), parse.port_range(text("sockets/ip_local_port_range.txt")))
    assert not [line for line in found if "client" in line]
    assert len(found) == 9 and found == sorted(found)


@pytest.mark.parametrize("port, lasts", [(32767, True), (32768, False), (60999, False), (61000, True)])
def test_the_range_of_ephemeral_ports_has_both_its_ends(port, lasts):
    assert bool(parse.lasting([parse.Socket("tcp", "0.0.0.0", port, "")], (32768, 60999))) is lasts


def test_workers_that_share_a_socket_are_one():
    assert parse.lasting([parse.Socket("tcp", "0.0.0.0", 80, "nginx")] * 5, (32768, 60999)) == ["tcp 0.0.0.0:80 nginx"]


def test_mounts_of_a_guest():
    assert [(mount.path, mount.type, mount.read_only) for mount in parse.mounts(text("mounts-guest.txt"))] == [
        ("/", "ext4", False), ("/tmp", "tmpfs", False)]


def test_mounts_with_odd_names():
    assert [(mount.path, mount.source, mount.read_only) for mount in parse.mounts(text("mounts-odd.txt"))] == [
        ("/", "/dev/vda", False), ("/srv", "srvfs", False), ("/srv/data disk", "/dev/loop0", False), ("/srv/line\nbreak", "tmpfs", False),
        ("/srv/odd\\name", "tmpfs", False), ("/srv/ov", "ov", False), ("/srv/ro", "/dev/loop0", True)]


def test_what_is_mounted_last_counts():
    found = parse.mounts("a /srv ext4 rw 0 0\nb /srv ext4 ro,noatime 0 0\n")
    assert [(mount.source, mount.read_only) for mount in found] == [("b", True)]


def test_what_an_automounter_mounts_may_come_and_go():
    table = "systemd-1 /srv/share autofs rw 0 0\nnas:/x /srv/share nfs4 rw 0 0\nnas:/y /srv/shared nfs4 rw 0 0\n"
    assert [mount.path for mount in parse.mounts(table)] == ["/srv/shared"]


def test_options_are_compared_as_words():
    assert not parse.mounts("a /srv ext4 rw,errors=remount-ro 0 0\n")[0].read_only


@pytest.mark.parametrize("kind, local", [("ext4", True), ("btrfs", True), ("tmpfs", True), ("nfs4", False), ("cifs", False),
                                         ("fuse.sshfs", False), ("fuse", False), ("9p", False)])
def test_nothing_is_asked_of_a_file_system_that_can_hang(kind, local):
    assert parse.Mount("/srv", "x", kind, False).local is local


def test_uptime():
    init = "1 (odd) name) S 0 1 1 0 -1 4194560 3770 13429 28 35 13 8 8 12 20 0 1 0 247374 20348928"
    assert parse.uptime("2500.36 8691.21\n", init, 100) == 26.6
    assert parse.uptime("2500.36 8691.21\n", "", 100) == 2500.4


PARSERS = [parse.properties, parse.units, parse.jobs, parse.ss_sockets, parse.mounts, parse.port_range,
           lambda said: parse.proc_sockets("tcp", said), lambda said: parse.uptime(said, said, 100),
           lambda said: parse.restarts(parse.properties(said))]


@given(st.sampled_from(PARSERS), st.text() | st.text("0123456789ABCDEF: =\n\\abc(),", max_size=60))
def test_no_text_makes_a_parser_fail_in_another_way(parser, said):
    try:
        parser(said)
    except ParseFailed as error:
        assert "\n" not in error.message


@pytest.mark.parametrize("parser, said", [
    (parse.ss_sockets, "tcp LISTEN 0 5 nonsense *:*"), (parse.ss_sockets, "help"), (parse.mounts, "/dev/sda /"),
    (parse.port_range, "32768"), (parse.port_range, ""), (lambda said: parse.proc_sockets("tcp", said), "head\n 0: 0100007F 0A 1 2\n"),
    (lambda said: parse.uptime(said, "", 100), "soon")])
def test_nonsense_is_a_failure(parser, said):
    with pytest.raises(ParseFailed):
        parser(said)
