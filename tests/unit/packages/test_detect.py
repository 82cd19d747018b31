# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which package manager a host has, and which hosts are refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import BadInput, HostUnsupported, ParseFailed
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.detect import detect, platform, release
from ansible_collections.fleetops.patchtrain.plugins.module_utils.runner import Completed

from .apt.replay import Scripted


class Host(Scripted):
    """Has these programs, files, and answers by a program's name."""

    def __init__(self, tools: Sequence[str] = (), files: Mapping[str, str] | None = None, said: Mapping[str, tuple[int, str]] | None = None) -> None:
        answers = {name: Completed((name,), rc, text, "") for name, (rc, text) in (said or {}).items()}
        super().__init__(lambda argv: answers.get(argv[0]), files)
        self.tools = tools

    def which(self, tool: str) -> str | None:
        return "/usr/bin/" + tool if tool in self.tools else None


def os_release(text: str) -> dict[str, str]:
    return {"/etc/os-release": text}


@pytest.mark.parametrize(("tools", "text", "expected"), [
    (["apt-get"], "ID=debian\n", "apt"), (["apt-get", "dnf"], "ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", "apt"),
    (["apt-get", "dnf"], "ID=rocky\nID_LIKE=\"rhel centos fedora\"\n", "dnf"), (["dnf", "zypper"], "ID=opensuse-leap\nID_LIKE=\"suse opensuse\"\n", "zypper"),
    (["dnf"], "", "dnf"),
])
def test_a_host_has_the_manager_of_its_family(tools: list[str], text: str, expected: str) -> None:
    assert detect(Host(tools, os_release(text))).name == expected


def test_a_manager_can_be_chosen_where_it_is() -> None:
    host = Host(["apt-get", "zypper"], os_release("ID=debian\n"))
    assert detect(host, "zypper").name == "zypper"
    with pytest.raises(HostUnsupported, match="dnf is not on this host"):
        detect(host, "dnf")
    with pytest.raises(BadInput, match="use auto, apt, dnf, zypper"):
        detect(host, "pacman")


def test_a_host_without_a_known_manager_is_refused_by_name() -> None:
    with pytest.raises(HostUnsupported, match="no known package manager on this host \\(alpine\\)"):
        detect(Host(["apk"], os_release("ID=alpine\n")))


MICROOS = "/dev/sda1 / btrfs ro,relatime 0 0\ntmpfs /run tmpfs rw 0 0\n"
BOOTED = '{"status": {"booted": {"image": {}}}}'


@pytest.mark.parametrize(("host", "kind"), [
    (Host(["dnf"], {"/run/ostree-booted": ""}), "rpm-ostree"), (Host(["dnf", "bootc"], {"/run/ostree-booted": ""}), "bootc"),
    (Host(["dnf", "bootc"], said={"bootc": (0, BOOTED)}), "bootc"),
    (Host(["zypper", "transactional-update"], {"/proc/mounts": MICROOS}), "transactional-update"),
])
def test_image_based_hosts_are_refused_by_name(host: Host, kind: str) -> None:
    with pytest.raises(HostUnsupported, match=kind) as caught:
        detect(host)
    assert caught.value.data["image"] == kind


@pytest.mark.parametrize("host", [
    Host(["dnf", "bootc"], said={"bootc": (0, '{"status": {"booted": null}}')}), Host(["dnf", "bootc"], said={"bootc": (1, "")}),
    Host(["zypper", "dnf", "transactional-update"], {"/proc/mounts": MICROOS.replace("ro,", "rw,")}),
])
def test_the_tools_alone_make_no_image(host: Host) -> None:
    assert detect(host).name == "dnf"


def test_an_answer_that_is_not_understood_is_a_failure() -> None:
    with pytest.raises(ParseFailed, match="bootc"):
        detect(Host(["dnf", "bootc"], said={"bootc": (0, "what?")}))


def test_os_release_with_quotes_comments_and_a_broken_line() -> None:
    host = Host(["apt-get"], os_release('# a comment\nID="debian"\nVERSION_ID="12"\nNAME="it\'s broken\nPRETTY_NAME=\'Debian 12\'\n'),
                {"dpkg": (0, "amd64\n")})
    assert release(host)["PRETTY_NAME"] == "Debian 12"
    assert platform(host, detect(host)).to_dict() == {"id": "debian", "version": "12", "arch": "amd64"}
