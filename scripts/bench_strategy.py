#!/usr/bin/env python3
# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the strategies themselves cost the controller with many hosts that have nothing to do (docs/benchmarks.md, "Many hosts")."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from bench import folder
from benchmark import strategies
from benchmark.timing import Wrong


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="bench-strategy", description=__doc__)
    parser.add_argument("--hosts", type=int, nargs="+", default=[250, 1000, 5000], metavar="N", help="sizes of fleets")
    parser.add_argument("--tasks", type=int, default=2, metavar="N", help="tasks of the play (%(default)d)")
    parser.add_argument("--forks", type=int, default=20, metavar="N", help="(%(default)d)")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the seconds to this file")
    options = parser.parse_args(arguments)
    try:
        with folder() as top:
            rows, starts = strategies.run(top, options.hosts, options.tasks, options.forks, _say)
    except Wrong as error:
        print("bench-strategy: %s" % error, file=sys.stderr)
        return 1
    print(strategies.table(rows, starts))
    if options.json:
        options.json.write_text(json.dumps([{**asdict(play), **asdict(cost)} for play, cost in rows.items()], indent=2) + "\n")
    return 0


def _say(what: str) -> None:
    print("bench-strategy: %s" % what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
