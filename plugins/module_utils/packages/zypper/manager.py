# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""The ``PackageManager`` of SUSE Linux Enterprise, openSUSE and their relatives."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import IO, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Set, Tuple

from ...clock import Clock, Deadline
from ...runner import Runner
from ..manager import Rules, Source
from ..records import Came, Change, Package, Reboot, Replaced, Selection, Transaction, Update, Wanted
from ..replaced import replaced
from ..rpm import classify, database, load
from ..rpm.names import checked
from ..rpm.parse import Entry, Key, by_key
from ..rpm.repomd import tells_advisories
from ..rpm.transaction import refused
from ..versions import compare_rpm
from . import apply, parse, repair, transaction
from .holds import Lock, allows, held, locks
from .tool import AUTOMATIC, CACHE, NO_SOURCES, NOT_FOUND, REBOOT, SKIPPED, UNSOLVED, Capability, Tool, install_args
from .tool import checked as tool_checked

UPDATER_UNITS = [
    "packagekit.service", "packagekit-background.service", "packagekit-offline-update.service", "os-update.service",
]


class Zypper:
    """See ``PackageManager`` for what each method promises."""

    name = "zypper"

    def __init__(self, runner: Runner, clock: Clock = Clock(), now: Callable[[], float] = time.time) -> None:  # noqa: B008
        self._runner = runner
        self._tool = Tool(runner, clock)
        self._clock = clock
        self._now = now

    # ------------------------------------------------------------ what is there

    def arch(self) -> str:
        return load.architecture(self._runner)

    def metadata_age(self) -> Optional[float]:
        """The oldest source counts: what it has published since then is not known here."""
        fetched = self._fetched()
        times = [fetched.get(_folder(r.alias)) for r in self._repositories() if r.enabled and not r.files]
        return None if not times or None in times else max(0.0, self._now() - min(t for t in times if t is not None))

    def _fetched(self) -> Dict[str, float]:
        """When each source's index was last found to be current, by its folder in the cache."""
        lines = load.found(self._runner, CACHE + "/raw", ["-path", "*/repodata/repomd.xml"], "%T@ %P\\n")
        return {path.split("/", 1)[0]: float(when) for when, path in (line.split(" ", 1) for line in lines)}

    def installed(self, sources: bool = True) -> List[Package]:
        found = self._versions(["-i"], strict=False) if sources else []
        offered = {(c.name, c.arch, c.version): c.source for c in found if c.source}
        listed = self._runner.read(AUTOMATIC)
        automatic = frozenset(parse.automatic(listed or ""))
        packages = [Package(n.name, n.arch, n.version, offered.get((n.name, n.arch, n.version), ""),
                            "unknown" if listed is None else "automatic" if n.name in automatic else "manual")
                    for n in (entry.nevra for entry in self._entries())]
        return sorted(packages, key=lambda package: (package.name, package.arch, package.version))

    def versions(self) -> List[Package]:
        return database.versions(self._entries())

    def holds(self) -> List[str]:
        return held(self._locks(), self._entries())

    def streams(self) -> List[str]:
        return []

    def sources(self) -> List[Source]:
        """A source that was never fetched, or could not be, is not usable."""
        telling, fetched = self._telling(), self._fetched()
        return [Source(r.alias, r.uri, r.enabled, r.trusted, r.alias in telling, usable=r.files or _folder(r.alias) in fetched)
                for r in self._repositories()]

    def updates(self, rules: Rules, selection: Selection) -> List[Update]:
        """Packages of another name that would take an installed one's place (obsoletes) are not among them."""
        best = self._best()
        names = sorted({name for name, _arch in best})
        every = [c for chunk in load.chunks(names) for c in self._versions(["--match-exact", "--"] + list(chunk))]
        reachable = [c for c in every if c.source and (c.name, c.arch) in best
                     and compare_rpm(c.version, best[(c.name, c.arch)].version) <= 0]
        entries = self._entries()
        return classify.updates(entries, reachable, self._fixes(set(best)), self._telling(), allows(self._locks(), entries),
                                selection.security_level == "minimal")

    def _best(self) -> Dict[Key, parse.Newest]:
        """What zypper would update to by itself: no locked version and no other vendor's. Where it would not update at all, because
        of a lock or of a dependency, the newest there is."""
        asked = (["list-updates", "--all"], ["list-updates"])
        return {(found.name, found.arch): found for args in asked for found in parse.newest(self._tool.ask(args).stdout)}

    def feeders(self, packages: Sequence[Package]) -> Dict[Tuple[str, str], str]:
        names = sorted({package.name for package in packages})
        offers = [c for chunk in load.chunks(names) for c in self._versions(["--match-exact", "--"] + list(chunk), strict=False) if c.source]
        return classify.feeders(packages, offers)

    def successors(self, packages: Sequence[Package]) -> Dict[Tuple[str, str], Tuple[Wanted, ...]]:
        names = sorted({package.name for package in packages})
        # Most hosts have none, and one question for all says so.
        if not any(self._obsoleting(chunk) for chunk in load.chunks(names)):
            return {}
        by = {name: tuple(Wanted(c.name, c.arch, c.version) for c in self._obsoleting([name]) if c.name != name) for name in names}
        return {(p.name, p.arch): by[p.name] for p in packages if by[p.name]}

    def predecessors(self, packages: Sequence[Package]) -> Dict[Tuple[str, str], Tuple[str, ...]]:
        return database.predecessors(self._runner, packages)

    def history(self, packages: Sequence[Package], rules: Rules) -> Dict[Package, List[Came]]:
        names = sorted({package.name for package in packages})
        offers = [c for chunk in load.chunks(names) for c in self._versions(["--match-exact", "--"] + list(chunk), strict=False) if c.source]
        fixes = self._fixes({(package.name, package.arch) for package in packages}, ["--all"])
        return classify.history(packages, offers, fixes, self._telling())

    # ------------------------------------------------------------ what would happen

    def simulate(self, wanted: Sequence[Wanted], selection: Selection) -> Transaction:
        """Where it can't be done without removing something, the transaction that removes it is told, allowed or not."""
        if not wanted:
            return Transaction()
        specs = _specs(wanted)
        first = self._resolved(specs, wanted, selection)
        if first.problem is None or selection.allow_removals:
            return first
        erasing = self._resolved(specs, wanted, replace(selection, allow_removals=True))
        return replace(erasing, erases=True) if erasing.problem is None else first

    def _resolved(self, specs: Sequence[str], wanted: Sequence[Wanted], selection: Selection) -> Transaction:
        done = self._tool.run(install_args(specs, selection, ["--dry-run"]))
        if done.rc in (UNSOLVED, NOT_FOUND):
            problem = parse.problem(done.stdout) or (parse.errors(done.stdout) if done.rc == NOT_FOUND else None)
            if problem is None:
                tool_checked(done)
            return Transaction(problem=problem)
        found = parse.summary(tool_checked(done).stdout)
        there = by_key(self._entries())
        changes = transaction.changes(found.steps if found else [], there)
        problem = refused(changes, wanted, selection, there)
        replacing = () if problem else self._replaced(changes, selection)
        return Transaction(changes, found.download if found else 0, found.growth if found else 0, problem, replacing)

    def _replaced(self, changes: Sequence[Change], selection: Selection) -> Tuple[Replaced, ...]:
        gone = [change.name for change in changes if change.to is None]
        back = database.obsoletes(self._runner, gone) if gone and selection.allow_downgrade else {}
        return replaced(changes, {name: [c.name for c in self._obsoleting([name])] for name in gone}, back)

    # ------------------------------------------------------------ what changes the host

    def refresh(self, limit: float) -> None:
        deadline = Deadline(limit, self._clock)
        self.wait_for_lock(limit)
        apply.refresh(self._runner, max(deadline.left, 1.0))

    def download(self, wanted: Sequence[Wanted], selection: Selection, limit: float) -> None:
        if wanted:
            apply.download(self._tool, _specs(wanted), selection, limit)

    def apply(self, wanted: Sequence[Wanted], selection: Selection, limit: float, log: IO[str], keep_config: bool = True) -> None:
        """rpm itself decides what becomes of a configuration file that was changed, as its package says; zypper can't be told.

        A script of a new package that fails is a failure: ``scripts`` names the packages in its data."""
        if not wanted:
            return
        self.wait_for_lock(limit)
        args = install_args(_specs(wanted), selection, ["--download", "in-advance"])
        before = apply.history(self._runner)
        apply.judge(self._runner, apply.install(self._runner, args, log), before)

    def interrupted(self) -> Optional[str]:
        return repair.diagnosis(self._tool)

    def repair(self, limit: float, log: IO[str]) -> None:
        self.wait_for_lock(limit)
        repair.repair(self._tool, log)

    def wait_for_lock(self, limit: float) -> None:
        self._tool.wait(limit)

    def restore_reasons(self, before: Sequence[Package]) -> List[str]:
        """A package that ``before`` does not know is a new dependency; to give one that was asked for another reason, say so there.
        zypper keeps reasons by name."""
        was = {package.name: package.reason for package in before}
        listed = set(parse.automatic(self._runner.read(AUTOMATIC) or ""))
        wrong = {"manual": [], "automatic": []}  # type: Dict[str, List[str]]
        for name in sorted({entry.nevra.name for entry in self._entries()}):
            reason, now = was.get(name, "automatic"), "automatic" if name in listed else "manual"
            if reason in wrong and reason != now:
                wrong[reason].append(name)
        if wrong["manual"] or wrong["automatic"]:
            apply.mark(self._runner, sorted((listed | set(wrong["automatic"])) - set(wrong["manual"])))
        return ["%s: %s" % (name, reason) for reason in wrong for name in wrong[reason]]

    # ------------------------------------------------------------ what else is known

    def reboot(self) -> Reboot:
        if not self._tool.has(Capability.NEEDS_REBOOTING):
            return Reboot(None)
        due = self._tool.ask(["needs-rebooting"], ok=(0, REBOOT)).rc == REBOOT
        return Reboot(due, ("zypper needs-rebooting: core libraries or services were updated",) if due else ())

    def updater_units(self) -> List[str]:
        return list(UPDATER_UNITS)

    def leftover_config(self) -> List[str]:
        return load.leftovers(self._runner)

    def cache_paths(self) -> List[str]:
        return [CACHE + "/packages"]

    def environment(self) -> Mapping[str, str]:
        return {}

    # ------------------------------------------------------------ the host, as often as it is asked

    def _entries(self) -> List[Entry]:
        return database.entries(self._runner)

    def _repositories(self) -> List[parse.Repository]:
        return parse.repositories(self._tool.ask(["repos"], ok=(0, NO_SOURCES)).stdout)

    def _versions(self, args: Sequence[str], strict: bool = True) -> List[classify.Candidate]:
        aliases = {r.name: r.alias for r in self._repositories()}
        ok = (0, NOT_FOUND) if strict else (0, NOT_FOUND, SKIPPED)
        return parse.versions(self._tool.ask(["search", "--details", "--type", "package"] + list(args), ok=ok).stdout, aliases)

    def _obsoleting(self, names: Sequence[str]) -> List[classify.Candidate]:
        return [c for c in self._versions(["--obsoletes", "--match-exact", "--"] + list(names), strict=False) if c.source]

    def _fixes(self, packages: Set[Key], of: Sequence[str] = ()) -> List[classify.Fix]:
        """Of patches that are needed, or ``--all``."""
        patches = parse.patches(self._tool.ask(["list-patches"] + list(of)).stdout)
        texts = [self._tool.ask(["info", "-t", "patch", "--"] + list(chunk)).stdout for chunk in load.chunks([p.name for p in patches])]
        return parse.fixes(patches, [conflict for text in texts for conflict in parse.conflicts(text)], packages)

    def _telling(self) -> Set[str]:
        """Sources that publish advisories."""
        paths = {r.alias: "%s/raw/%s/repodata/repomd.xml" % (CACHE, _folder(r.alias)) for r in self._repositories()}
        return {alias for alias, path in paths.items() if tells_advisories(self._runner.read(path) or "")}

    def _locks(self) -> List[Lock]:
        return locks(self._tool.ask(["locks"]).stdout)


def _folder(alias: str) -> str:
    """The name of a source's folder in the cache."""
    return alias.replace("/", "_")


def _specs(wanted: Iterable[Wanted]) -> List[str]:
    nevras = [checked(item) for item in wanted]
    return sorted("%s.%s=%s" % (nevra.name, nevra.arch, nevra.version) for nevra in nevras)
