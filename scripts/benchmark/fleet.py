# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Made-up packages, hosts and releases of any size. Pure: the same sizes give the same fleet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.records import Package

APT, DNF = "apt", "dnf"
EXCLUDE = ("gpg-pubkey", "local-*")
_NEUTRAL = {APT: "all", DNF: "noarch"}
_RPM_ARCH = {"amd64": "x86_64", "arm64": "aarch64"}

Document = dict[str, Any]


@dataclass(frozen=True)
class Sizes:
    """``changed`` packages differ between the first release and the second, and between a host and its release."""

    packages: int = 3000
    changed: int = 50
    hosts: int = 1000
    run_hosts: int = 2000
    rounds: int = 5


@dataclass(frozen=True)
class Kind:
    """A package manager, and the machine's architecture in its words."""

    manager: str
    native: str

    @property
    def key(self) -> str:
        return "%s-%s-%s" % ("debian-12" if self.manager == APT else "almalinux-9", self.native, self.manager)

    @property
    def platform(self) -> Document:
        distribution, version, native, _manager = self.key.split("-")
        return {"id": distribution, "version": version, "arch": native}


def kinds(debian_arch: str) -> tuple[Kind, Kind]:
    return Kind(APT, debian_arch), Kind(DNF, _RPM_ARCH.get(debian_arch, debian_arch))


def version(manager: str, number: int, level: int) -> str:
    """Epochs, tildes and plus signs are there as distributions have them."""
    epoch = "1:" if number % 11 == 0 else ""
    tilde = "~rc1" if number % 17 == 0 else ""
    revision = "%d+deb12u%d" % (1 + number % 4, level) if manager == APT else "%d.el9_%d" % (1 + number % 40, level)
    return "%s%d.%d%s-%s" % (epoch, number % 9, number % 37, tilde, revision)


def changed(number: int, sizes: Sizes) -> bool:
    """Whether a package is one of those that differ; they lie apart."""
    return number % max(1, sizes.packages // sizes.changed) == 0 and number // max(1, sizes.packages // sizes.changed) < sizes.changed


def levels(sizes: Sizes, second: bool) -> list[int]:
    """Of each package, the level that the first or the second release has."""
    return [2 if second and changed(number, sizes) else 1 for number in range(sizes.packages)]


def rows(manager: str, of: Sequence[int]) -> list[Document]:
    """Packages as a snapshot has them, with what they and the version before came as."""
    return [_row(manager, number, level) for number, level in enumerate(of)]


def _row(manager: str, number: int, level: int) -> Document:
    return {"name": "lib-%s-%04d" % ("even" if number % 2 == 0 else "odd", number), "arch": _NEUTRAL[manager], "version": version(manager, number, level),
            "source": "release", "feeder": "release", "reason": "manual" if number % 5 == 0 else "automatic",
            "updates": [_came(manager, number, one) for one in range(level + 1)]}


def _came(manager: str, number: int, level: int) -> Document:
    security = (number + level) % 3 == 0
    return {"version": version(manager, number, level), "classification": "security" if security else "bugfix",
            "severity": "important" if security else "unknown", "advisories": ["SITE-2026-%d%04d" % (level, number)],
            "cves": ["CVE-2026-%d%04d" % (level, number)] if security else []}


def snapshot(kind: Kind, of: Sequence[int]) -> Document:
    return {"packages": rows(kind.manager, of), "holds": [], "streams": [], "sources": [], "platform": kind.platform, "manager": kind.manager,
            "kernel": {"applicable": False, "running": "", "default": None, "installed": []}, "boot_id": ""}


def installed(kind: Kind, of: Sequence[int]) -> list[Package]:
    return [Package(row["name"], row["arch"], row["version"], row["source"], row["reason"]) for row in rows(kind.manager, of)]


def assessment(number: int) -> Document:
    """Of a host with forty pending updates."""
    return {"platform": {"id": "debian", "version": "12", "arch": "amd64"}, "manager": APT, "metadata_age_s": 60.0, "boot_id": "%032x" % number,
            "counts": {"security": 14, "bugfix": 26, "enhancement": 0, "other": 0, "unknown": 0, "held": 0, "total": 40},
            "updates": [_update(number, each) for each in range(40)], "reboot": {"required": False, "reasons": []}, "interrupted": None,
            "release": None, "drift": [], "kernel": {}, "obstacles": []}


def _update(host: int, number: int) -> Document:
    return {"name": "lib-%04d" % number, "arch": "amd64", "installed": version(APT, number, host % 7), "candidate": version(APT, number, 8), "held": False,
            "classification": "bugfix", "severity": "unknown", "advisories": [], "cves": ["CVE-2026-1%04d" % number], "source": "release", "size": 12345,
            "phased": False}
