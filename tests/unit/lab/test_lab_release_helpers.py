# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests of releases read from hosts themselves."""

from __future__ import annotations

from lab_release import parse_dpkg, parse_rpm

DPKG = """\
ii \tlibc6:amd64\t2.36-9+deb12u14
ii \tpatchlab-multi:amd64\t1.1
hi \tpatchlab-multi:i386\t1.1
ii \tpatchlab-odd\t1:0.9
rc \tpatchlab-conf\t1.0
un \tpatchlab-oldname\t
native amd64"""

RPM = "patchlab-web\tnoarch\t0\t1.1-1\npatchlab-odd\tnoarch\t1\t0.9-1\npatchlab-multi\tx86_64\t0\t1.1-1\npatchlab-multi\ti686\t0\t1.1-1"


def test_what_is_installed_by_dpkg_held_or_not() -> None:
    assert parse_dpkg(DPKG) == {
        "libc6": "2.36-9+deb12u14", "patchlab-multi": "1.1", "patchlab-multi:i386": "1.1", "patchlab-odd": "1:0.9"}


def test_what_is_installed_by_rpm() -> None:
    assert parse_rpm(RPM) == {"patchlab-web": "1.1-1", "patchlab-odd": "1:0.9-1", "patchlab-multi": "1.1-1", "patchlab-multi:i686": "1.1-1"}
