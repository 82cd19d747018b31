# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pending reboot: the manager's word, the kernel, and libraries replaced under services."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import CommandTimeout
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.manager import PackageManager
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.records import Reboot
from ansible_collections.fleetops.patchtrain.plugins.module_utils.reboot import kernel, pending_reboot
from ansible_collections.fleetops.patchtrain.plugins.module_utils.runner import Completed

from .test_detect import Host

NEEDRESTART = """\
NEEDRESTART-VER: 3.6
NEEDRESTART-KCUR: 6.1.0-31-amd64
NEEDRESTART-KEXP: 6.1.0-32-amd64
NEEDRESTART-KSTA: %d
NEEDRESTART-UCSTA: 1
NEEDRESTART-SVC: ssh.service
NEEDRESTART-SVC: patchtrain-abc.service
NEEDRESTART-SESS: root @ session #2
"""


def manager(word: Reboot) -> PackageManager:
    class Manager:
        def reboot(self) -> Reboot:
            return word
    return cast(PackageManager, Manager())


def host(running: str = "6.1.0-31-amd64", boot: str = "6.1.0-31-amd64", said: Mapping[str, tuple[int, str]] | None = None) -> Host:
    """``said`` by the tools that it has besides."""
    files = "".join("vmlinuz-%s\n" % name for name in boot.split())
    return Host(tuple(said or ()), said={"uname": (0, running + "\n"), "find": (0, files), **(said or {})})


def reasons(on: Host, word: Reboot = Reboot(False)) -> tuple[bool | None, tuple[str, ...]]:  # noqa: B008
    found = pending_reboot(on, manager(word))
    return found.required, found.reasons


def test_a_host_that_nothing_asks_to_reboot() -> None:
    assert reasons(host()) == (False, ())
    assert reasons(host(), Reboot(None)) == (None, ())
    assert reasons(host(), Reboot(True, ("package: dbus",))) == (True, ("package: dbus",))


def test_another_kernel_would_be_started() -> None:
    on = host(boot="6.1.0-9-amd64 6.1.0-31-amd64 6.1.0-100-amd64 0-rescue-abc")
    assert kernel(on) == {"running": "6.1.0-31-amd64", "default": "6.1.0-100-amd64", "applicable": True,
                          "installed": ["6.1.0-9-amd64", "6.1.0-31-amd64", "6.1.0-100-amd64"]}
    assert reasons(on, Reboot(None)) == (True, ("kernel: 6.1.0-31-amd64 runs, 6.1.0-100-amd64 would be started",))


def test_the_boot_loader_is_believed_where_it_can_be_asked() -> None:
    both = "5.14.0-70.el9.x86_64 5.14.0-162.el9.x86_64"
    pinned = host("5.14.0-70.el9.x86_64", both, {"grubby": (0, "/boot/vmlinuz-5.14.0-70.el9.x86_64\n")})
    assert reasons(pinned) == (False, ())
    dumb = host("5.14.0-70.el9.x86_64", both, {"grubby": (1, "")})
    assert reasons(dumb)[0] is True


@pytest.mark.parametrize(("running", "others", "default"), [
    ("6.6.51+rpt-rpi-2712", "6.6.51+rpt-rpi-v8", None), ("6.6.51+rpt-rpi-2712", "6.6.62+rpt-rpi-v8 6.6.62+rpt-rpi-2712", "6.6.62+rpt-rpi-2712"),
    ("6.12.3", "6.12.3.old 6.12.3.dpkg-bak 6.12.4.dpkg-new", None), ("6.12.3", "6.12.4", "6.12.4"),
    ("6.1.0-31-amd64", "6.1.0-32-cloud-amd64 6.1.0-32-rt-amd64", None), ("6.1.0-31-amd64", "6.12.41+deb13-amd64", "6.12.41+deb13-amd64"),
    ("6.1.0-0.deb11.21-cloud-amd64", "6.1.0-0.deb11.22-cloud-amd64", "6.1.0-0.deb11.22-cloud-amd64"),
    ("6.8.0-45-generic", "6.8.0-1016-aws", None), ("6.8.0-45-generic", "6.8.0-47-generic", "6.8.0-47-generic"),
    ("6.4.0-150600.21-default", "6.4.0-150600.23.7-default", "6.4.0-150600.23.7-default"),
    ("5.14.0-427.el9.x86_64", "5.14.0-427.13.1.el9_4.x86_64+rt 5.15.0-300.163.18.el9uek.x86_64", None),
    ("5.14.0-427.el9.x86_64", "5.14.0-427.13.1.el9_4.x86_64", "5.14.0-427.13.1.el9_4.x86_64")])
def test_without_a_boot_loader_to_ask_only_kernels_of_the_running_one_s_flavour_count(
        running: str, others: str, default: str | None) -> None:
    assert kernel(host(running, "%s %s" % (others, running)))["default"] == (default or running)


@pytest.mark.parametrize("on", [
    host("6.18-host", "6.1.0-31-amd64", {"systemd-detect-virt": (0, "")}), host("6.18-host", "6.1.0-31-amd64"), host("6.18-host", ""),
])
def test_containers_and_hosts_that_are_started_from_outside_have_no_kernel_of_theirs(on: Host) -> None:
    assert kernel(on)["applicable"] is False
    assert reasons(on) == (False, ())


def test_a_container_without_systemd_is_seen_too() -> None:
    on = host()
    on.files["/run/.containerenv"] = ""
    assert (kernel(on)["applicable"], kernel(on)["installed"]) == (False, [])


def test_services_on_replaced_libraries_but_not_our_own_job() -> None:
    assert reasons(host(said={"needrestart": (0, NEEDRESTART % 1)})) == (True, ("libraries replaced under ssh.service",))


@pytest.mark.parametrize("state", [2, 3])
def test_a_kernel_that_only_needrestart_sees(state: int) -> None:
    found = reasons(host(said={"needrestart": (0, NEEDRESTART % state)}))
    assert found[1][0] == "kernel: 6.1.0-31-amd64 runs, needrestart expects 6.1.0-32-amd64"
    in_container = host(said={"needrestart": (0, NEEDRESTART % state), "systemd-detect-virt": (0, "")})
    assert reasons(in_container)[1] == ("libraries replaced under ssh.service",)


def test_a_needrestart_that_fails_leaves_it_open() -> None:
    required, doubts = reasons(host(said={"needrestart": (2, "")}))
    assert (required, doubts) == (None, ("libraries: not known, needrestart ended with rc 2: it printed nothing",))
    assert reasons(host(said={"needrestart": (2, "")}), Reboot(True, ("package: dbus",))) == (True, ("package: dbus",))


def test_a_needrestart_that_hangs_leaves_it_open() -> None:
    on = host(said={"needrestart": (0, "")})
    usual = on.answer

    def answer(argv: Any) -> Completed | None:
        if argv[0] == "needrestart":
            raise CommandTimeout("needrestart did not end within 60 s", argv)
        return usual(argv)
    on.answer = answer
    assert reasons(on) == (None, ("libraries: not known, needrestart did not end within 60 s",))
