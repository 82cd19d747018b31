# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Room for a transaction."""

from __future__ import annotations

from pathlib import Path
from typing import Dict

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import NotEnoughSpace
from ansible_collections.fleetops.patchtrain.plugins.module_utils.job import space
from ansible_collections.fleetops.patchtrain.plugins.module_utils.job.space import KERNEL, MIB, RESERVE, Room
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.records import Change, Transaction

CACHE = "/var/cache/apt/archives"


def measure_of(mounts: Dict[str, int], inodes: "int | None" = None) -> space.Measure:
    def measure(path: str) -> Room:
        mount = max((m for m in mounts if (path + "/").startswith(m.rstrip("/") + "/")), key=len)
        return Room(mount, mounts[mount], inodes)
    return measure


def test_downloads_growth_and_kernels_are_counted_where_they_go() -> None:
    names = ["linux-image-6.1.0-40-amd64", "linux-image-amd64", "nginx"]
    changes = tuple(Change(name, "amd64", None, "1") for name in names) + (Change("linux-image-5.10.0-1-amd64", "amd64", "1", None),)
    assert space.needs(Transaction(changes, 30, 70), [CACHE]) == {"/usr": 70, "/boot": KERNEL, CACHE: 30}
    assert space.needs(Transaction((), 0, -70), [CACHE]) == {}


@pytest.mark.parametrize(("name", "counts"), [
    ("kernel-core", True), ("kernel-uek-core", True), ("kernel-default", True), ("linux-image-unsigned-6.8.0-1-generic", True),
    ("kernel-rt-debug-core", True), ("kernel-64k-core", True), ("kernel-uek", True), ("kernel", True), ("kernel-64kb", True),
    ("linux-image-6.1.0-40-rt-amd64", True), ("kernel-modules-core", False), ("kernel-rt-modules-core", False), ("kernel-uek-modules-core", False),
    ("kernel-debug-modules-core", False), ("kernel-modules", False), ("kernel-headers", False), ("kernel-tools", False), ("kernel-devel", False),
    ("kernel-tools-libs", False), ("kernel-srpm-macros", False), ("kernel-firmware-all", False), ("kernel-default-devel", False),
    ("linux-image-6.1.0-40-amd64-dbg", False), ("linux-image-amd64", False), ("linux-libc-dev", False)])
def test_which_packages_are_kernels(name: str, counts: bool) -> None:
    assert bool(space.needs(Transaction((Change(name, "x", None, "1"),)), [])) == counts


@pytest.mark.parametrize(("names", "kernels"), [
    ("kernel kernel-core kernel-modules kernel-modules-core", 1), ("kernel-uek kernel-uek-core kernel-uek-modules kernel-uek-modules-core", 1),
    ("kernel-rt kernel-rt-core", 1), ("kernel-core kernel-rt-core", 2), ("kernel-default kernel-rt", 2)])
def test_a_kernel_counts_once_whatever_it_consists_of(names: str, kernels: int) -> None:
    changes = tuple(Change(name, "x86_64", "1", "2") for name in names.split())
    assert space.needs(Transaction(changes), []) == {"/boot": kernels * KERNEL}


def test_all_that_goes_to_one_file_system_adds_up_with_one_reserve() -> None:
    wanted = {"/usr": 10 * MIB, CACHE: 20 * MIB}
    space.check(wanted, measure_of({"/": 30 * MIB + RESERVE}))
    with pytest.raises(NotEnoughSpace, match="/ has 93 MiB free and needs 94 MiB, free 1 MiB more"):
        space.check(wanted, measure_of({"/": 30 * MIB + RESERVE - 1}))


def test_every_short_file_system_is_named() -> None:
    wanted = {"/boot": KERNEL, CACHE: 20 * MIB}
    rooms = {"/": RESERVE, "/boot": 100 * MIB, "/var": 500 * MIB, CACHE: 5 * MIB}
    with pytest.raises(NotEnoughSpace) as caught:
        space.check(wanted, measure_of(rooms))
    assert caught.value.message == (
        "not enough space: /boot has 100 MiB free and needs 192 MiB, free 92 MiB more; "
        "/var/cache/apt/archives has 5 MiB free and needs 84 MiB, free 79 MiB more")


def test_a_full_boot_does_not_matter_where_no_kernel_comes() -> None:
    space.check({"/usr": MIB}, measure_of({"/": 1024 * MIB, "/boot": 0}))


def test_a_file_system_without_inodes_is_full_too() -> None:
    with pytest.raises(NotEnoughSpace, match="/ has 7 inodes free"):
        space.check({}, measure_of({"/": 1024 * MIB}, inodes=7))


def test_measuring_looks_at_the_nearest_folder_that_exists(tmp_path: Path) -> None:
    room = space.measure(str(tmp_path / "not" / "there"))
    assert room.free > 0
    assert str(tmp_path).startswith(room.mount.rstrip("/"))
