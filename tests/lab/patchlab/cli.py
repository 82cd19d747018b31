# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of the lab."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Callable, Sequence

from . import lab
from .definitions import GONE, LEVELS, base_level, next_level
from .errors import LabError
from .install import install
from .inventory import ssh_options
from .network import cut, mend
from .observe import front, run_until_ended, watcher
from .paths import lab_paths
from .preflight import check_machine, packages_needed
from .prune import prune
from .state import loaded
from .topology import TOPOLOGIES, topology
from .traffic import Traffic


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
    except PermissionError as problem:
        print(f"lab: {problem.strerror}: {problem.filename}; the lab is root's: run it with sudo", file=sys.stderr)
        return 2
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
    state = lab.up(paths, chosen.topology, _say, chosen.level)
    print(f"lab {state.name} ({state.topology}) is up on {state.subnet} after {time.monotonic() - began:.1f} s: {paths.inventory}")


def _images(chosen: argparse.Namespace) -> None:
    built = lab.build(check_machine(), topology(chosen.topology), _say)
    print("\n".join([*sorted({str(Path(tree).parent) for trees in built.layers.values() for tree in trees}), str(built.upstream)]))


def _status(chosen: argparse.Namespace) -> None:
    found = lab.status(lab_paths(chosen.name))
    if chosen.json:
        print(json.dumps(found, indent=1))
        return
    print(f"lab {found['name']} ({found['topology']}) on {found['subnet']}, upstream at level {found['level']}: {found['upstream']}")
    for host in found["hosts"]:
        print(f"  {host['name']:10} {host['address']:15} {host['user']:5} {host['image']:16} {host['state']}, "
              f"ssh {'answers' if host['ssh'] else 'is silent'}, boots {host['boots']}")


def _upstream(chosen: argparse.Namespace) -> None:
    paths = lab_paths(chosen.name)
    wanted = chosen.to
    if wanted == "advance":
        wanted = next_level(loaded(paths).level)
    elif wanted == "reset":
        wanted = LEVELS[0]
    if chosen.gone:
        wanted = f"{base_level(wanted)}{GONE}"
    print(f"upstream of lab {chosen.name} shows level {lab.show(paths, wanted).level}")


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


def _install(chosen: argparse.Namespace) -> None:
    (host,) = lab.select(lab_paths(chosen.name), [chosen.host])
    print(f"installed on {chosen.host}: {', '.join(install(host, chosen.package))}")


def _link(chosen: argparse.Namespace) -> None:
    state = loaded(lab_paths(chosen.name))
    for host in lab.select(lab_paths(chosen.name), chosen.host):
        (cut if chosen.what == "cut" else mend)(state.ident, state.bridge, host.spec.name)


def _traffic(chosen: argparse.Namespace) -> None:
    url = chosen.url or front(lab_paths(chosen.name))
    run_until_ended(Traffic(url, rate=chosen.rate, workers=chosen.workers), chosen.out, chosen.seconds)


def _watch(chosen: argparse.Namespace) -> None:
    run_until_ended(watcher(lab_paths(chosen.name), chosen.interval), chosen.out, chosen.seconds)


def _prune(chosen: argparse.Namespace) -> None:
    check_machine()
    removed = prune(chosen.images)
    print("\n".join(f"removed {item}" for item in removed) or "nothing to remove")


def _requirements(chosen: argparse.Namespace) -> None:
    print("\n".join(packages_needed()))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lab", description="A lab of real hosts on this machine.")
    commands = parser.add_subparsers(dest="what", required=True, metavar="COMMAND")
    named = argparse.ArgumentParser(add_help=False)
    named.add_argument("--name", default="dev", help="which lab (default: dev)")

    def add(word: str, command: Callable[[argparse.Namespace], None], text: str) -> argparse.ArgumentParser:
        one = commands.add_parser(word, parents=[named], help=text)
        one.set_defaults(command=command)
        return one

    one = add("up", _up, "bring a lab up; fine when it is")
    one.add_argument("--topology", default="web", choices=sorted(TOPOLOGIES))
    one.add_argument("--level", default=lab.DEFAULT_LEVEL, choices=LEVELS, help="what upstream shows (hosts begin at the initial level)")
    add("down", _down, "take a lab down and remove all of it")
    add("status", _status, "what runs").add_argument("--json", action="store_true")
    for word, command, text in _HOST_COMMANDS:
        add(word, command, text).add_argument("host", nargs="*" if word in ("reset", "start", "stop") else "+")
    _add_single(add)
    _add_observers(add)
    return parser


_Add = Callable[[str, Callable[[argparse.Namespace], None], str], argparse.ArgumentParser]
_HOST_COMMANDS: tuple[tuple[str, Callable[[argparse.Namespace], None], str], ...] = (
    ("reset", _reset, "give hosts (all, when none is named) an empty disk over their image"),
    ("start", _start, "start hosts that are down"),
    ("stop", _stop, "pull the plug of hosts"),
    ("cut", _link, "drop all packets of hosts, their interfaces stay up"),
    ("mend", _link, "undo cut"),
)


def _add_single(add: _Add) -> None:
    one = add("exec", _exec, "run a command on a host as root: lab exec HOST -- COMMAND")
    one.add_argument("host")
    one.add_argument("words", nargs=argparse.REMAINDER)
    one = add("install", _install, "put more of the lab's packages on a host: NAME (its first version) or NAME=VERSION")
    one.add_argument("host")
    one.add_argument("package", nargs="+")
    one = add("upstream", _upstream, "what upstream shows: advance by one level, reset to the first, or a level by name")
    one.add_argument("to", choices=("advance", "reset", *LEVELS))
    one.add_argument("--gone", action="store_true", help="without the versions that it had before")
    one = add("images", _images, "build whatever a topology needs and the cache lacks, and print where it lies")
    one.add_argument("--topology", default="web", choices=sorted(TOPOLOGIES))
    one = add("prune", _prune, "remove what dead labs and interrupted builds left")
    one.add_argument("--images", action="store_true", help="also everything in the cache that no living lab stands on")
    add("requirements", _requirements, "the Debian packages that this program needs")


def _add_observers(add: _Add) -> None:
    traffic = add("traffic", _traffic, "ask the service until ended, then count served and failed requests")
    traffic.add_argument("--url", help="default: the lab's load balancer")
    traffic.add_argument("--rate", type=float, default=50.0, help="requests a second, of all workers together")
    traffic.add_argument("--workers", type=int, default=8)
    watch = add("watch", _watch, "write down who is out of service, seen from outside, until ended")
    watch.add_argument("--interval", type=float, default=0.2)
    for one in (traffic, watch):
        one.add_argument("--seconds", type=float, help="end by itself after this time")
        one.add_argument("--out", type=Path, help="where the result goes (JSON); default: stdout")
