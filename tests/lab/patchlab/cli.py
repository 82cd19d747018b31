# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of the lab."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from types import FrameType
from typing import Sequence

from . import lab
from .errors import LabError
from .inventory import ssh_options
from .paths import lab_paths
from .preflight import packages_needed
from .topology import TOPOLOGIES


def main(arguments: Sequence[str]) -> int:
    """Run one command; failures are one line."""
    signal.signal(signal.SIGTERM, _interrupted)
    signal.signal(signal.SIGHUP, _interrupted)
    chosen = _parser().parse_args(arguments)
    try:
        return int(chosen.command(chosen) or 0)
    except LabError as problem:
        print(f"lab: {problem}", file=sys.stderr)
        return problem.rc
    except KeyboardInterrupt:
        print("lab: interrupted", file=sys.stderr)
        return 130


def _interrupted(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _up(chosen: argparse.Namespace) -> None:
    began = time.monotonic()
    paths = lab_paths(chosen.name)
    state = lab.up(paths, chosen.topology, _say)
    print(f"lab {state.name} ({state.topology}) is up on {state.subnet} after {time.monotonic() - began:.1f} s: {paths.inventory}")


def _down(chosen: argparse.Namespace) -> None:
    existed = lab.down(lab_paths(chosen.name))
    print(f"lab {chosen.name} is down" if existed else f"there was no lab {chosen.name}")


def _reset(chosen: argparse.Namespace) -> None:
    began = time.monotonic()
    names = lab.reset(lab_paths(chosen.name), chosen.host)
    print(f"as on their first day after {time.monotonic() - began:.1f} s: {' '.join(names)}")


def _start(chosen: argparse.Namespace) -> None:
    lab.start(lab_paths(chosen.name), chosen.host)


def _stop(chosen: argparse.Namespace) -> None:
    lab.stop(lab_paths(chosen.name), chosen.host)


def _exec(chosen: argparse.Namespace) -> None:
    """Become ssh: what is typed goes to the host, its return code comes back."""
    paths = lab_paths(chosen.name)
    (host,) = lab.select(paths, [chosen.host])
    words = chosen.words[1:] if chosen.words[:1] == ["--"] else chosen.words
    os.execvp("ssh", ["ssh", *ssh_options(paths), "-q", "-i", str(paths.key), f"root@{host.address}", *words])


def _requirements(chosen: argparse.Namespace) -> None:
    print("\n".join(packages_needed()))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lab", description="A lab of real hosts on this machine.")
    commands = parser.add_subparsers(dest="what", required=True, metavar="COMMAND")
    named = argparse.ArgumentParser(add_help=False)
    named.add_argument("--name", default="dev", help="which lab (default: dev)")
    one = commands.add_parser("up", parents=[named], help="bring a lab up; fine when it is")
    one.add_argument("--topology", default="web", choices=sorted(TOPOLOGIES))
    one.set_defaults(command=_up)
    commands.add_parser("down", parents=[named], help="take a lab down and remove all of it").set_defaults(command=_down)
    for word, command, text in (
        ("reset", _reset, "give hosts (all, when none is named) an empty disk over their image"),
        ("start", _start, "start hosts that are down"),
        ("stop", _stop, "pull the plug of hosts"),
    ):
        one = commands.add_parser(word, parents=[named], help=text)
        one.add_argument("host", nargs="*")
        one.set_defaults(command=command)
    one = commands.add_parser("exec", parents=[named], help="run a command on a host as root: lab exec HOST -- COMMAND")
    one.add_argument("host")
    one.add_argument("words", nargs=argparse.REMAINDER)
    one.set_defaults(command=_exec)
    commands.add_parser("requirements", help="the Debian packages this program needs").set_defaults(command=_requirements)
    return parser
