# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""The ``PackageManager`` of Fedora, Red Hat Enterprise Linux and their relatives."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from typing import IO, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Set, Tuple

from ...clock import Clock, Deadline
from ...errors import CommandFailed
from ...runner import Runner
from ..manager import Rules, Source
from ..records import Came, Change, Package, Reboot, Replaced, Selection, Transaction, Update, Wanted
from ..replaced import replaced
from ..rpm import classify, database, load
from ..rpm.names import Nevra, checked, with_epoch
from ..rpm.parse import Entry, by_key
from ..rpm.repomd import tells_advisories
from ..rpm.transaction import refused
from . import apply, parse, repair, transaction
from .capability import Capability
from .config import Config
from .holds import Lock, allows, held, locks
from .tool import ALL_SOURCES, MODULES, Tool
from .tool import checked as tool_checked

UPDATER_UNITS = [
    "dnf-automatic.service", "dnf-automatic-download.service", "dnf-automatic-install.service", "dnf-automatic-notifyonly.service",
    "dnf5-automatic.service", "dnf-makecache.service", "packagekit.service", "packagekit-offline-update.service", "yum-cron.service",
]

_CACHED_ID = re.compile(r"/([^/]+)-[0-9a-f]{16}/repodata/")


class Dnf:
    """See ``PackageManager`` for what each method promises."""

    name = "dnf"

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
        fetched: Dict[str, float] = {}
        for line in self._tool.cached(["-mindepth", "3", "-maxdepth", "3", "-path", "*/repodata/*"], "%T@ %p\\n"):
            when, path = line.split(" ", 1)
            for source in _CACHED_ID.findall(path):
                fetched[source] = max(fetched.get(source, 0.0), float(when))
        times = [fetched.get(repository.id) for repository in self._repositories() if repository.enabled]
        return None if not times or None in times else max(0.0, self._now() - min(t for t in times if t is not None))

    def installed(self, sources: bool = True) -> List[Package]:
        reasons = parse.reasons(self._tool.query(["--installed"], parse.REASONS, strict=False))
        offers = self._offers(["--available"], strict=False) if sources else []
        offered = {_nevra(offer.candidate): offer.candidate.source for offer in offers}
        return sorted((Package(e.nevra.name, e.nevra.arch, e.nevra.version, offered.get(e.nevra, ""), reasons.get(e.key, "unknown"))
                       for e in self._entries()), key=lambda package: (package.name, package.arch, package.version))

    def versions(self) -> List[Package]:
        return database.versions(self._entries())

    def holds(self) -> List[str]:
        return held(self._excludes(), self._locks(), self._entries())

    def streams(self) -> List[str]:
        """Enabled module streams, ``name:stream``."""
        files = load.found(self._runner, MODULES, ["-maxdepth", "1", "-name", "*.module"])
        configs = [(re.sub(r".*/|\.module$", "", path), Config(self._runner.read(path) or "", path)) for path in files]
        return sorted("%s:%s" % (name, config.text(name, "stream", "")) for name, config in configs
                      if config.text(name, "state", "") == "enabled")

    def indexes(self) -> Dict[str, str]:
        """The repomd.xml of each source that is enabled and was fetched."""
        enabled = {repository.id for repository in self._repositories() if repository.enabled}
        return {source: path for source, path in self._indexes().items() if source in enabled}

    def sources(self) -> List[Source]:
        """A source that was never fetched, or could not be, is not usable."""
        main, indexes = self._tool.config(), self._indexes()
        telling = self._telling(indexes)
        return [Source(r.id, r.uri, r.enabled, self._trusted(r, main), r.id in telling, usable=r.id in indexes) for r in self._repositories()]

    def _trusted(self, repository: parse.Repository, main: Config) -> bool:
        own = self._own(repository)
        return any(own.flag(repository.id, what, main.flag("main", what, False)) for what in ("gpgcheck", "repo_gpgcheck"))

    def updates(self, rules: Rules, selection: Selection) -> List[Update]:
        """Packages of another name that would take an installed one's place (obsoletes) are not among them."""
        every = [offer.candidate for offer in self._offers(["--upgrades"])]
        free = set(map(_nevra, self._not_excluded()))
        entries = self._entries()
        unlocked = allows(self._locks(), [entry.nevra for entry in entries] + [_nevra(c) for c in every])
        return classify.updates(entries, every, self._fixes(), self._telling(self._indexes()), lambda c: _nevra(c) in free and unlocked(c),
                                selection.security_level == "minimal")

    def feeders(self, packages: Sequence[Package]) -> Dict[Tuple[str, str], str]:
        names = sorted({package.name for package in packages})
        offers = [offer.candidate for chunk in load.chunks(names) for offer in self._offers(["--available", "--"] + list(chunk), strict=False)]
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
        offers = [offer.candidate for offer in self._offers(["--available"], strict=False)]
        return classify.history(packages, offers, self._fixes(["--installed"]), self._telling(self._indexes()))

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
        done = self._tool.resolve(apply.install_args(specs, selection))
        if done.rc and "Operation aborted." not in done.stdout + done.stderr:
            problem = parse.problem(done.stdout, done.stderr)
            if problem is None:
                tool_checked(done)
            return Transaction(problem=problem)
        there = by_key(self._entries())
        changes = transaction.changes(parse.steps(done.stdout), there)
        problem = refused(changes, wanted, selection, there)
        if problem:
            return Transaction(changes, problem=problem)
        return replace(self._sized(changes, there), replaced=self._replaced(changes, selection))

    def _sized(self, changes: Sequence[Change], there: transaction.There) -> Transaction:
        coming = [with_epoch(nevra) for nevra in transaction.arriving(changes)]
        offers = [offer for chunk in load.chunks(coming) for offer in self._offers(["--"] + list(chunk))]
        files = (line.split(" ", 1) for line in self._tool.cached(["-name", "*.rpm"], "%s %f\\n"))
        return transaction.sized(changes, offers, {name: int(size) for size, name in files}, there)

    def _replaced(self, changes: Sequence[Change], selection: Selection) -> Tuple[Replaced, ...]:
        gone = [change.name for change in changes if change.to is None]
        back = database.obsoletes(self._runner, gone) if gone and selection.allow_downgrade else {}
        return replaced(changes, {name: [c.name for c in self._obsoleting([name])] for name in gone}, back)

    # ------------------------------------------------------------ what changes the host

    def refresh(self, limit: float) -> None:
        deadline = Deadline(limit, self._clock)
        self.wait_for_lock(limit)
        apply.refresh(self._tool, max(deadline.left, 1.0))

    def download(self, wanted: Sequence[Wanted], selection: Selection, limit: float) -> None:
        if wanted:
            apply.download(self._tool, _specs(wanted), selection, limit)

    def apply(self, wanted: Sequence[Wanted], selection: Selection, limit: float, log: IO[str], keep_config: bool = True) -> None:
        """rpm itself decides what becomes of a configuration file that was changed, as its package says; dnf can't be told.

        A script of a new package that fails is a failure, though dnf ends with rc 0: ``scripts`` names the packages in its data."""
        if not wanted:
            return
        self.wait_for_lock(limit)
        before = repair.last(self._tool)
        done = apply.transact(self._tool, apply.install_args(_specs(wanted), selection), log)
        after = repair.last(self._tool)
        failed = after.failed if after and (before is None or after.id != before.id) else {}
        why = "; ".join("%s: %s" % item for item in sorted(failed.items()))
        apply.judge(done, why)
        if not self._tool.config().flag("main", "keepcache", False):
            apply.clean(self._tool)
        if failed:
            raise CommandFailed("dnf installed packages whose scripts failed: %s" % why, done.argv, rc=done.rc, scripts=failed)

    def interrupted(self) -> Optional[str]:
        return repair.diagnosis(self._tool)

    def repair(self, limit: float, log: IO[str]) -> None:
        self.wait_for_lock(limit)
        repair.repair(self._tool, log)

    def wait_for_lock(self, limit: float) -> None:
        self._tool.wait(limit)

    def restore_reasons(self, before: Sequence[Package]) -> List[str]:
        """A package that ``before`` does not know is a new dependency; to give one that was asked for another reason, say so there."""
        was = {(package.name, package.arch): package.reason for package in before}
        now = parse.reasons(self._tool.query(["--installed"], parse.REASONS, strict=False))
        wrong: Dict[str, List[Entry]] = {"manual": [], "automatic": []}
        for key, entries in by_key(self._entries()).items():
            reason = was.get(key, "automatic")
            if reason in wrong and now.get(key) != reason:
                wrong[reason].append(entries[-1])
        for reason, word in (("manual", self._tool.dialect.mark_manual), ("automatic", self._tool.dialect.mark_automatic)):
            apply.mark(self._tool, word, [with_epoch(entry.nevra) for entry in wrong[reason]])
        return ["%s: %s" % (e.nevra.name, reason) for reason in wrong for e in sorted(wrong[reason], key=lambda e: e.key)]

    # ------------------------------------------------------------ what else is known

    def reboot(self) -> Reboot:
        if not self._tool.has(Capability.NEEDS_RESTARTING):
            return Reboot(None)
        done = self._tool.ask(["needs-restarting", "-r"], ok=(0, 1))
        packages = parse.reboot(done.stdout)
        if done.rc and not packages:
            tool_checked(done)
        return Reboot(bool(packages), tuple("package: %s" % name for name in packages))

    def updater_units(self) -> List[str]:
        return list(UPDATER_UNITS)

    def leftover_config(self) -> List[str]:
        return load.leftovers(self._runner)

    def cache_paths(self) -> List[str]:
        return [self._tool.cache()]

    def environment(self) -> Mapping[str, str]:
        return {}

    # ------------------------------------------------------------ the host, as often as it is asked

    def _entries(self) -> List[Entry]:
        return database.entries(self._runner)

    def _offers(self, args: Sequence[str], strict: bool = True) -> List[parse.Offer]:
        return parse.offers(self._tool.query(args, parse.AVAILABLE, strict))

    def _obsoleting(self, names: Sequence[str]) -> List[classify.Candidate]:
        return [offer.candidate for offer in self._offers(["--available", "--whatobsoletes", ",".join(names)], strict=False)]

    def _not_excluded(self) -> List[classify.Candidate]:
        args = list(ALL_SOURCES) + ["repoquery", "--upgrades", "--qf", parse.AVAILABLE + self._tool.dialect.record_end]
        return [offer.candidate for offer in parse.offers(self._tool.ask(args).stdout)]

    def _fixes(self, of: Sequence[str] = ()) -> List[classify.Fix]:
        """Of updates that are pending, or ``--installed``."""
        args = list(ALL_SOURCES) + ["--disableexcludes=all", "updateinfo", "list"] + list(of)
        return parse.fixes(self._tool.ask(args).stdout, self._tool.ask(args + ["--with-cve"]).stdout)

    def _repositories(self) -> List[parse.Repository]:
        """dnf shows a source as disabled when it has no metadata of it; what is configured is what counts."""
        found = parse.repositories(self._tool.ask(["repoinfo", "--all"]).stdout)
        return [r._replace(enabled=self._own(r).flag(r.id, "enabled", True)) for r in found]

    def _own(self, repository: parse.Repository) -> Config:
        return Config(self._runner.read(repository.file) or "", repository.file)

    def _indexes(self) -> Dict[str, str]:
        """Where the cache has each source's index. Of a source that has moved it keeps both places: the newer counts."""
        found = sorted(self._tool.cached(["-mindepth", "3", "-maxdepth", "3", "-name", "repomd.xml"], "%T@ %p\\n"), key=_when)
        return {source: line.split(" ", 1)[1] for line in found for source in _CACHED_ID.findall(line)}

    def _telling(self, indexes: Mapping[str, str]) -> Set[str]:
        """Sources that publish advisories."""
        return {source for source, path in indexes.items() if tells_advisories(self._runner.read(path) or "")}

    def _excludes(self) -> List[str]:
        """Patterns of the main configuration and of enabled sources."""
        main = self._tool.config()
        own = [(r.id, self._own(r)) for r in self._repositories() if r.enabled]
        return main.words("main", "exclude", "excludepkgs") + [
            word for source, config in own for word in config.words(source, "exclude", "excludepkgs")]

    def _locks(self) -> List[Lock]:
        return locks(self._tool.ask(["versionlock", "list"]).stdout) if self._tool.has(Capability.VERSIONLOCK) else []


def _specs(wanted: Iterable[Wanted]) -> List[str]:
    return sorted(with_epoch(checked(item)) for item in wanted)


def _nevra(candidate: classify.Candidate) -> Nevra:
    return Nevra(candidate.name, candidate.version, candidate.arch)


def _when(line: str) -> float:
    return float(line.split(" ", 1)[0])
