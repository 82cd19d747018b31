#!/usr/bin/env python3
# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a roll takes beside the work itself, and beside the playbook that most people write (docs/benchmarks.md, "The roll").

Needs what the lab needs, and brings up one of its own. Nothing is judged: what is printed are ratios of one run.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from bench import folder
from benchmark import roll, roll_lab
from benchmark.timing import Wrong


def main(arguments: Sequence[str]) -> int:
    options = _options(arguments)
    work = roll_lab.Workload(options.hosts, options.slow, options.quick, options.limit, options.settle, options.debian,
                             options.mirror_pace, options.bulk, options.poll)
    try:
        with folder() as top:
            bench = roll_lab.Bench(work, top)
            try:
                bench.up()
                with bench.mirrored():
                    raw, arms = roll_lab.measure(bench, _say)
            finally:
                if not options.keep:
                    bench.down()
    except Wrong as error:
        print("bench-roll: %s" % error, file=sys.stderr)
        return 1
    print(roll.table(roll.rows(raw, arms["idiom"], arms["train"], work.limit)))
    print("\nThe train once more, with a ledger that knows how long each host takes\n%s" % roll.table(
        roll.rows(raw, arms["idiom"], arms["again"], work.limit)))
    print("\nWhere the train's host-seconds are\n%s" % roll.where(arms["train"], raw))
    print("remote executions with a slot, host by host: %s" % " ".join(str(number) for number in arms["train"].cycles.values()))
    if options.json:
        options.json.write_text(json.dumps(roll.document(raw, arms, vars(work), work.limit), indent=2) + "\n")
    return 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench-roll", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = roll_lab.Workload()
    parser.add_argument("--hosts", type=int, default=default.hosts, choices=range(4, roll_lab.MOST + 1), metavar="N", help="web hosts (%(default)d)")
    parser.add_argument("--slow", type=int, default=default.slow, metavar="S", help="seconds of a slow update (%(default)d)")
    parser.add_argument("--quick", type=int, default=default.quick, metavar="S", help="seconds of all others (%(default)d)")
    parser.add_argument("--limit", type=int, default=default.limit, metavar="N", help="hosts out of service at once (%(default)d)")
    parser.add_argument("--settle", type=float, default=default.settle, metavar="S", help="the train's patch_health_settle (%(default)g)")
    parser.add_argument("--debian", action="store_true", help="Debian's security updates too")
    parser.add_argument("--mirror-pace", type=float, default=default.pace, metavar="MB", help="a large update too, which is fetched in the roll with so many "
                        "million bytes a second and host")
    parser.add_argument("--bulk", type=int, default=default.bulk, metavar="MB", help="of the large update (%(default)d)")
    parser.add_argument("--poll", type=float, default=default.poll, metavar="S", help="internal_poll_interval of both playbooks' ansible.cfg; Ansible's own "
                        "default without it")
    parser.add_argument("--keep", action="store_true", help="leave the lab up")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the figures, and the seconds that they are of, to this file")
    return parser.parse_args(arguments)


def _say(what: str) -> None:
    print("bench-roll: %s" % what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
