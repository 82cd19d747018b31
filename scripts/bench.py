#!/usr/bin/env python3
# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much more this collection takes than the raw tools it works with, in ratios of one run (docs/benchmarks.md).

Nothing is judged: the times of a machine are its own, so only ratios are printed, and whoever changed something compares two runs.
Everything is made in a temporary folder, which is removed at the end, also of an interrupted run.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / ".cache" / "collections"))  # where `make dev` lets Ansible find this checkout
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import PatchtrainError  # noqa: E402
from ansible_collections.fleetops.patchtrain.plugins.module_utils.release.manifest import digest  # noqa: E402
from ansible_collections.fleetops.patchtrain.plugins.module_utils.runner import SystemRunner  # noqa: E402

from benchmark import files, fleet, ledgers, places, plans, publishing, subjects, timing  # noqa: E402
from benchmark.fleet import Kind, Sizes  # noqa: E402

TOOLS = {"apt-cache": "apt", "apt-ftparchive": "apt-utils", "createrepo_c": "createrepo-c", "dpkg-query": "dpkg", "gpg": "gnupg", "rpm": "rpm",
         "rpmbuild": "rpm"}
_VERSIONS = {"apt": ("apt-get", "--version"), "createrepo_c": ("createrepo_c", "--version"), "dpkg": ("dpkg-query", "--version"),
             "rpm": ("rpm", "--version")}
_PLANNED = (100_000, 1000)
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(arguments: Sequence[str]) -> int:
    options = _options(arguments)
    missing = sorted({package for tool, package in TOOLS.items() if shutil.which(tool) is None})
    if missing:
        print("bench: these packages are missing: %s" % " ".join(missing), file=sys.stderr)
        return 2
    runner, sizes = SystemRunner(), Sizes(options.packages, options.changed, options.hosts, options.run_hosts, options.rounds)
    try:
        with folder() as top:
            rows = measure(runner, sizes, top)
    except (PatchtrainError, timing.Wrong) as error:
        print("bench: %s" % error, file=sys.stderr)
        return 1
    print(timing.table(rows))
    if options.json:
        options.json.write_text(json.dumps(timing.document(rows, vars(sizes), _versions(runner)), indent=2) + "\n")
    return 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Sizes()
    for name, what in (("packages", "of a host and of a release"), ("changed", "of them that differ"), ("hosts", "whose drift the controller computes"),
                       ("run-hosts", "of the ledger's run"), ("rounds", "of which the best time counts")):
        parser.add_argument("--" + name, type=_count, default=getattr(default, name.replace("-", "_")), metavar="N", help="%s (%%(default)d)" % what)
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the ratios, and the seconds that they are of, to this file")
    options = parser.parse_args(arguments)
    if 2 * options.changed > options.packages:
        parser.error("--changed is %d: at most half of --packages can differ" % options.changed)
    if options.hosts < 2 or options.packages < 4:
        parser.error("--hosts has to be 2 or more, and --packages 4: half of them are measured too")
    return options


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


@contextmanager
def folder() -> Iterator[Path]:
    """Removed whatever happens; a signal ends what runs, and not the removal."""
    before = [signal.signal(number, _stop) for number in _SIGNALS]
    top = Path(tempfile.mkdtemp(prefix="patchtrain-bench-"))
    try:
        yield top
    finally:
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        shutil.rmtree(top)
        for number, handler in zip(_SIGNALS, before):
            signal.signal(number, handler)


def _stop(number: int, _frame: FrameType | None) -> None:
    for other in _SIGNALS:
        signal.signal(other, signal.SIG_IGN)
    raise SystemExit(128 + number)


def measure(runner: SystemRunner, sizes: Sizes, top: Path) -> list[timing.Row]:
    apt, dnf = fleet.kinds(runner.run(["dpkg", "--print-architecture"]).check().stdout.strip())
    rows: list[timing.Row] = []
    with ExitStack() as stack:
        keyring = publishing.Keyring(runner, top / "gpg")
        stack.callback(keyring.close)
        keyring.make()
        for kind in (apt, dnf):
            _say("publishing (%s)" % kind.manager)
            published = publishing.measure(runner, keyring, kind, sizes, top)
            _say("one host (%s)" % kind.manager)
            rows += subjects.measure(kind, _host(runner, kind, sizes, top, published), sizes) + published.rows
            _say("many hosts (%s)" % kind.manager)
            rows += subjects.controller(kind, sizes) + subjects.growth(kind, sizes)
    _say("the ledger")
    rows += ledgers.measure(top / "ledger", sizes)
    _say("plans")
    return rows + plans.measure(*_PLANNED)


def _host(runner: SystemRunner, kind: Kind, sizes: Sizes, top: Path, published: publishing.Published) -> places.AptHost | places.RpmHost:
    """One that is at the first release; where it is apt's, attached to the second."""
    if kind.manager == fleet.DNF:
        return places.rpm_host(runner, top / "host-rpm", sorted((top / ("files-" + kind.manager)).glob("*.rpm")))
    uri = "%s/%s" % (published.root.release(digest(published.manifest)), kind.key)
    return places.apt_host(runner, top / "host-apt", fleet.rows(kind.manager, fleet.levels(sizes, False)), uri, published.key)


def _say(what: str) -> None:
    print("bench: %s" % what, file=sys.stderr, flush=True)


def _versions(runner: SystemRunner) -> dict[str, str]:
    said = {name: runner.run(argv).stdout.split("\n", 1)[0] for name, argv in _VERSIONS.items()}
    return {**said, "python": sys.version.split()[0], "payload_bytes": str(files.PAYLOAD)}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
