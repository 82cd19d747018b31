# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is laid down on the machine and on hosts, as text."""

from __future__ import annotations

from pathlib import Path

from patchlab import roles
from patchlab.cgroups import hierarchies
from patchlab.network import rules
from patchlab.provision import HostFile, write_files
from patchlab.topology import topology

SUBNET = "10.64.7.0/24"


def test_guests_reach_upstream_and_nothing_else() -> None:
    text = rules("plab-0000", SUBNET)
    allowed = [line.strip() for line in text.splitlines() if "accept" in line and "policy" not in line]
    assert allowed == [
        'iifname "plab-0000" ct state established,related accept', 'iifname "plab-0000" ip daddr 10.64.7.1 tcp dport 8471 accept',
        'iifname "plab-0000" ip daddr 10.64.7.1 icmp type echo-request accept', 'iifname "plab-0000" oifname "plab-0000" accept']
    assert text.count('iifname "plab-0000" drop') == 2


def test_load_balancer_knows_every_web_host() -> None:
    text = roles.haproxy_config(SUBNET, topology("web"))
    assert [line.split()[1:3] for line in text.splitlines() if line.strip().startswith("server ")] == [
        [f"web{number}", f"10.64.7.1{number}:8080"] for number in (1, 2, 3, 4)]


def test_control_groups_on_hybrid_and_unified_machines() -> None:
    hybrid = ("cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\ncgroup /sys/fs/cgroup/systemd cgroup rw,name=systemd 0 0\n"
              "cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n")
    assert hierarchies(hybrid) == [Path("/sys/fs/cgroup/systemd"), Path("/sys/fs/cgroup/unified")]
    assert hierarchies("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n") == [Path("/sys/fs/cgroup")]


def test_folders_of_the_upper_layer_look_like_the_images(tmp_path: Path) -> None:
    """A folder of the upper layer hides the image's: with another mode sshd would refuse root's keys."""
    image, upper = tmp_path / "image", tmp_path / "upper"
    (image / "root/.ssh").mkdir(parents=True)
    (image / "root/.ssh").chmod(0o700)
    upper.mkdir()
    owner = image.stat().st_uid
    write_files([image], upper, [HostFile("root/.ssh/authorized_keys", "key\n", 0o600, owner)])
    assert (upper / "root/.ssh").stat().st_mode & 0o777 == 0o700
    assert (upper / "root/.ssh/authorized_keys").read_text() == "key\n"
    assert (upper / "root/.ssh/authorized_keys").stat().st_mode & 0o777 == 0o600
