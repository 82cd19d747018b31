# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernels for apt hosts of the lab, which have none: they share the machine's. Packages that are kernels by their names and by a file in ``/boot``;
and three commands in front of the host's own that answer as if the host had booted the one that its boot loader would start."""

from __future__ import annotations

from lab_fleet import Fleet
from lab_release import REPOSITORY, ROOT_FOLDER

OLD, NEW = "31", "32"

_BUILD = """set -e
top={root}/kernels-{count}; scratch=$(mktemp -d); mkdir -p "$top"
pack() {{ printf 'Package: %s\\nVersion: 6.1.{count}-1\\nArchitecture: amd64\\nMaintainer: The Lab <lab@patchlab.invalid>\\n%sDescription: a kernel\\n' \
"$1" "$2" > "$3/DEBIAN/control"; dpkg-deb --root-owner-group --build "$3" "$top/$1.deb" >/dev/null; }}
mkdir -p "$scratch/image/DEBIAN" "$scratch/image/boot" "$scratch/meta/DEBIAN"
echo kernel > "$scratch/image/boot/vmlinuz-6.1.0-{count}-lab"
pack linux-image-6.1.0-{count}-lab '' "$scratch/image"
pack linux-image-lab 'Depends: linux-image-6.1.0-{count}-lab
' "$scratch/meta"
cd "$top"; apt-ftparchive packages . > Packages; rm -rf "$scratch"
"""

_COMMANDS = {
    # The first who asks after a boot notes what was booted.
    "uname": """#!/bin/sh
case "$*" in
-r|"-r -v") [ -s /run/lab-kernel ] || grubby --default-kernel | sed 's/.*vmlinuz-//' > /run/lab-kernel; echo "$(cat /run/lab-kernel)${2:+ x}" ;;
*) exec /usr/bin/uname "$@" ;;
esac
""",
    "grubby": """#!/bin/sh
cat /boot/lab-default 2>/dev/null || ls /boot/vmlinuz-* | sort -V | tail -n 1
""",
    "systemd-detect-virt": """#!/bin/sh
exit 1
""",
}


def publish_kernels(fleet: Fleet) -> None:
    """An old and a new one, each in a source of its own."""
    for count in (OLD, NEW):
        fleet.sh(REPOSITORY, _BUILD.format(root=ROOT_FOLDER, count=count))


def boot_with(fleet: Fleet, host: str, count: str) -> None:
    """The host has this kernel, from its source, and runs it."""
    fleet.sh(host, "echo 'deb [trusted=yes] http://%s/kernels-%s ./' > /etc/apt/sources.list.d/kernels.list && apt-get -q update && "
                   "apt-get -y install linux-image-lab" % (fleet.address(REPOSITORY), count))
    pretend(fleet, host)
    assert fleet.sh(host, "uname -r") == release(count)


def pretend(fleet: Fleet, host: str) -> None:
    """From now on the host answers as a machine of its own does."""
    for name, text in _COMMANDS.items():
        fleet.sh(host, "cat > /usr/local/bin/%s <<'END'\n%sEND\nchmod 0755 /usr/local/bin/%s" % (name, text, name))


def boot_next(fleet: Fleet, host: str, kernel: str) -> None:
    """Its administrator tells the boot loader which kernel to start."""
    fleet.sh(host, "echo /boot/vmlinuz-%s > /boot/lab-default" % kernel)


def release(count: str) -> str:
    return "6.1.0-%s-lab" % count


def kernels(fleet: Fleet, host: str) -> list[str]:
    """Those on disk, as dpkg put them there."""
    return fleet.sh(host, "ls /boot | sed -n 's/^vmlinuz-//p' | sort").split()
