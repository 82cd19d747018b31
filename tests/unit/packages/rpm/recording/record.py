#!/usr/bin/env python3
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records the transcripts that the tests of dnf and zypper replay: ``sudo record.py dnf|zypper [SCENE...]``.

Every scene is played in a fresh root by the very code under test, and what the tools answered goes to tests/unit/packages/<tool>/data.
Read what changed before it is committed: the transcripts are the tools' word on how they behave."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import List

import build
import yard

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[4]
CACHE = CHECKOUT / ".cache" / "shipyard"
PLAYER = "/collection/ansible_collections/fleetops/patchtrain/tests/unit/packages/rpm/recording/play.py"


def main(kind: str, names: List[str]) -> None:
    CACHE.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(CACHE / "repositories", ignore_errors=True)
    build.main(CACHE / "repositories")
    lower = yard.base(kind, CACHE)
    with yard.served(CACHE / "repositories"):
        seeded = CACHE / (kind + "-seeded")
        with yard.root([lower], seeded, CHECKOUT) as top:
            yard.inside(top, ["python3", PLAYER, kind, "seed"])
            scenes = (top / "out/scenes").read_text().split()
        for name in names or scenes:
            play(kind, name, [seeded / "upper", lower])


def play(kind: str, name: str, lower: List[Path]) -> None:
    print("%s: %s" % (kind, name), flush=True)
    with yard.root(lower, CACHE / "scene", CHECKOUT) as top:
        yard.inside(top, ["python3", PLAYER, kind, name])
        target = HERE.parents[1] / kind / "data"
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(top / "out" / (name + ".json"), target)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
