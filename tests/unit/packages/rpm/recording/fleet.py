# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The packages and advisories that the transcripts were recorded with: one small shipyard, every case of an update once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Tuple

SLOW_LIMIT = 60
LONG = "lighthouse-with-a-name-that-is-much-longer-than-eighty-columns-and-therefore-has-to-wrap"


@dataclass(frozen=True)
class Rpm:
    """One package to build; ``tags`` are further lines of the preamble, ``scripts`` the scriptlets by section;
    ``several`` versions stand beside each other, as kernels do."""

    name: str
    version: str
    release: str = "1"
    epoch: int = 0
    arch: str = "x86_64"
    tags: Tuple[str, ...] = ()
    scripts: Tuple[Tuple[str, str], ...] = ()
    config: bool = False
    several: bool = False

    @property
    def nevra(self) -> Dict[str, str]:
        return {"name": self.name, "epoch": str(self.epoch), "version": self.version, "release": self.release, "arch": self.arch}


@dataclass(frozen=True)
class Advisory:
    id: str
    type: str
    severity: str
    title: str
    cves: Tuple[str, ...]
    packages: Tuple[Rpm, ...]


def _waits(path: str) -> str:
    """A scriptlet that is in the middle of its work for as long as ``path`` exists."""
    return "n=0; while [ -e %s ] && [ $n -lt %d ]; do sleep 1; n=$((n+1)); done" % (path, SLOW_LIMIT)


def _tide(version: str) -> List[Rpm]:
    return [Rpm("tide-libs", version), Rpm("tide", version, tags=("Requires: tide-libs = %s-1" % version,))]


FLOOR = [
    Rpm("harbor-release", "9.1", arch="noarch", tags=("Provides: system-release = 9", "Provides: system-release(releasever) = 9")),
    Rpm("harbor-shell", "1.0", tags=("Provides: /bin/sh", "Provides: glibc")),
]
TIDE_10, TIDE_11, TIDE_12 = _tide("1.0"), _tide("1.1"), _tide("1.2")
ANCHOR_OLD, ANCHOR_MID, ANCHOR_NEW = (
    Rpm("anchor", "3.0", epoch=1), Rpm("anchor", "3.1", "2.harbor9", epoch=1), Rpm("anchor", "0.9", epoch=2))
DOCS_OLD, DOCS_NEW = Rpm("tide-docs", "1.0", arch="noarch"), Rpm("tide-docs", "2.0", arch="noarch")
LONG_OLD, LONG_NEW = Rpm(LONG, "20260101.1"), Rpm(LONG, "20260202.2", "3.harbor9_4.really.long.release")
HULL = ("Provides: installonlypkg(kernel)", "Provides: multiversion(kernel)")
HULLS = [Rpm("hull-kernel", version, tags=HULL, several=True) for version in ("5.1", "5.2", "5.3", "5.4")]
REBOOT = ("Provides: installhint(reboot-needed)",)
"""zypper asks for a reboot because of this; dnf's needs-restarting because of the package's name."""
SLOW = "/run/swell-waits"

BASE_OLD = FLOOR + TIDE_10 + [
    ANCHOR_OLD, DOCS_OLD, LONG_OLD, HULLS[0],
    Rpm("keel", "1.0"), Rpm("mast", "1.0"), Rpm("dinghy", "1.0"), Rpm("rudder", "1.0"), Rpm("sail", "1.0"), Rpm("wreck", "1.0"),
    Rpm("linux-firmware", "1.0", arch="noarch", tags=REBOOT),
    Rpm("chart", "1.0", config=True), Rpm("storm", "1.0"), Rpm("squall", "1.0"),
    Rpm("oar", "1.0"), Rpm("swell", "1.0"), Rpm("swell-wake", "1.0", tags=("Requires: swell = 1.0-1",)),
]
MAST_NEW = Rpm("mast", "2.0", tags=("Requires: mast-rigging",))
STORM_NEW = Rpm("storm", "1.1", scripts=(("post", "exit 1"),))
CHART_NEW = Rpm("chart", "1.1", config=True)
BASE_NEW = TIDE_11 + TIDE_12 + [
    ANCHOR_MID, ANCHOR_NEW, DOCS_NEW, LONG_NEW, HULLS[1], HULLS[2], HULLS[3],
    Rpm("linux-firmware", "1.1", arch="noarch", tags=REBOOT), Rpm("keel", "1.1"), MAST_NEW, Rpm("mast-rigging", "2.0"),
    Rpm("tender", "2.0", tags=("Obsoletes: dinghy < 2", "Provides: dinghy = 2.0")),
    Rpm("rudder", "2.0", tags=("Conflicts: sail",)), Rpm("wreck", "2.0", tags=("Requires: something-that-nobody-provides",)),
    CHART_NEW, STORM_NEW, Rpm("squall", "1.1", scripts=(("pre", "exit 1"),)),
    Rpm("swell", "1.1", scripts=(("post", _waits(SLOW)),)), Rpm("swell-wake", "1.1", tags=("Requires: swell = 1.1-1",)),
    Rpm("oar", "1.1"), Rpm("foam", "1.0", scripts=(("post", _waits(SLOW)),)),
]
EXTRA = [Rpm("buoy", "1.0"), Rpm("buoy", "1.1"), Rpm("keel", "1.2"), Rpm("oar", "1.2", tags=("Vendor: Somebody else",))]
"""zypper never goes to another vendor by itself, dnf does."""

ADVISORIES = [
    Advisory("HBSA-2026:0001", "security", "Important", "Important: tide security update", ("CVE-2026-0001",), tuple(TIDE_11)),
    Advisory("HBBA-2026:0002", "bugfix", "None", "tide bug fix update", (), tuple(TIDE_12)),
    Advisory("HBSA-2026:0003", "security", "Critical", "Critical: anchor security update",
             ("CVE-2026-0003", "CVE-2026-0004"), (ANCHOR_MID,)),
    Advisory("HBEA-2026:0005", "enhancement", "None", "tide-docs <b>enhancement</b> & more", (), (DOCS_NEW,)),
    Advisory("HBSA-2026:0006", "security", "Moderate", "Moderate: mast security update", ("CVE-2026-0006",), (MAST_NEW,)),
    Advisory("HBSA-2026:0007", "security", "Low", "Low: long names", ("CVE-2026-0007",), (LONG_NEW,)),
    Advisory("HBSA-2026:0008", "security", "Important", "Important: hull-kernel security update", ("CVE-2026-0008",), (HULLS[1],)),
    Advisory("HBBA-2026:0009", "bugfix", "None", "storm bug fix update", (), (STORM_NEW, CHART_NEW)),
]
