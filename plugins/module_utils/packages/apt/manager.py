# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""The ``PackageManager`` of Debian, Ubuntu and their relatives."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import IO, AbstractSet, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from ...clock import Clock, Deadline
from ...errors import CommandFailed, LockTimeout
from ...runner import Runner
from ..manager import DEFAULT_RULES, Rules, Source
from ..records import Came, Change, Package, Reboot, Replaced, Selection, Transaction, Update, Wanted
from ..replaced import replaced
from ..versions import compare_deb
from . import apply, classify, load, locks, parse, repair, transaction
from .names import Key, key, shown, specs

REBOOT_REQUIRED = "/run/reboot-required"
UPDATER_UNITS = ["apt-daily.service", "apt-daily-upgrade.service"]
LEFTOVERS = ("*.dpkg-dist", "*.dpkg-new", "*.ucf-dist", "*.ucf-new")

_LOOK_AGAIN = 1.0


class Apt:
    """See ``PackageManager`` for what each method promises."""

    name = "apt"

    def __init__(self, runner: Runner, clock: Clock = Clock(), now: Callable[[], float] = time.time) -> None:  # noqa: B008
        self._runner = runner
        self._clock = clock
        self._now = now
        self._native: Optional[str] = None
        self._fetched: Optional[List[parse.Target]] = None
        self._policies: Tuple[str, Dict[Key, parse.Policy]] = ("", {})
        self._sizes: Dict[Tuple[Key, str], parse.Sizes] = {}
        self._directories: Dict[str, str] = {}

    # ------------------------------------------------------------ what is there

    def arch(self) -> str:
        if self._native is None:
            self._native = load.architecture(self._runner)
        return self._native

    def metadata_age(self) -> Optional[float]:
        """The oldest source counts: what it has published since then is not known here."""
        lines = load.found(self._runner, load.LISTS, ["-maxdepth", "1", "-type", "f", "-name", "*Release"], "%C@ %f\\n")
        fetched = [(float(when), name) for when, name in (line.split(" ", 1) for line in lines)]
        # Sources on this very host (file:) begin with an underscore, and are not touched when they did not change.
        times = [when for when, name in fetched if not name.startswith("_")] or [when for when, _name in fetched]
        return max(0.0, self._now() - min(times)) if times else None

    def installed(self, sources: bool = True) -> List[Package]:
        entries = self._entries()
        policies = self._policy(entries) if sources else {}
        automatic = self._automatic()
        return sorted((self._package(entry, policies, automatic) for entry in entries if entry.installed),
                      key=lambda package: (package.name, package.arch))

    def versions(self) -> List[Package]:
        found = [Package(entry.name, entry.arch, entry.version) for entry in self._entries() if entry.installed]
        return sorted(found, key=lambda package: (package.name, package.arch))

    def _package(self, entry: parse.Entry, policies: Mapping[Key, parse.Policy], automatic: AbstractSet[Key]) -> Package:
        at = self._key(entry)
        return Package(entry.name, entry.arch, entry.version, source=_source(policies.get(at), entry.version),
                       reason="automatic" if at in automatic else "manual")

    def holds(self) -> List[str]:
        return sorted(shown(self._key(entry), self.arch()) for entry in self._entries() if entry.held)

    def streams(self) -> List[str]:
        return []

    def sources(self) -> List[Source]:
        """A source that was never fetched, or not accepted, is neither trusted nor usable. An empty index is not fetched; what
        vouches for it is the release file, which came with the others of its suite."""
        fetched = self._targets()
        known = dict({target.suite_uri: target for target in fetched}, **{target.source: target for target in fetched})
        configured = {target.source: target for target in parse.targets(load.targets(self._runner, configured=True))}
        found = [(own, known.get(own.source) or known.get(own.suite_uri) or own) for _id, own in sorted(configured.items())]
        return [Source(own.source, own.uri, True, target.trusted, classify.tells(target, DEFAULT_RULES), target.trusted)
                for own, target in found]

    def updates(self, rules: Rules, selection: Selection) -> List[Update]:
        entries = [entry for entry in self._entries() if entry.present]
        policies, targets = self._policy(entries), classify.by_text(self._targets())
        found = [self._update(entry, policies[self._key(entry)], targets, rules, selection.security_level == "minimal")
                 for entry in entries if _newer(entry, policies.get(self._key(entry)))]
        return self._with_sizes(found)

    def _update(self, entry: parse.Entry, policy: parse.Policy, targets: classify.Targets, rules: Rules, minimal: bool) -> Update:
        latest = policy.candidate or ""
        candidate = (classify.minimal(entry.version, latest, policy, targets, rules) if minimal else None) or latest
        version = policy.find(candidate)
        return Update(
            entry.name, entry.arch, entry.version, candidate, source=_source(policy, candidate), held=entry.held,
            classification=classify.classify(entry.version, candidate, policy, targets, rules), phased=bool(version and version.phased))

    def feeders(self, packages: Sequence[Package]) -> Dict[Tuple[str, str], str]:
        policies = self._policy([entry for entry in self._entries() if entry.present])
        found = {(p.name, p.arch): _feeder(policies.get(key(p.name, p.arch, self.arch()))) for p in packages}
        return {at: source for at, source in found.items() if source}

    def _with_sizes(self, updates: Sequence[Update]) -> List[Update]:
        wanted = [Wanted(update.name, update.arch, update.candidate) for update in updates]
        sizes = self._records(wanted)
        return sorted((self._sized(update, sizes) for update in updates), key=lambda update: update.key)

    def _sized(self, update: Update, sizes: Mapping[Tuple[Key, str], parse.Sizes]) -> Update:
        # The candidate's architecture, not the installed one's: a package may move between its own and ``all``.
        size = sizes.get((key(update.name, update.arch, self.arch()), update.candidate))
        return replace(update, arch=size.arch, size=size.download) if size else update

    def successors(self, packages: Sequence[Package]) -> Dict[Tuple[str, str], Tuple[Wanted, ...]]:
        """apt takes none by itself: a package that was renamed comes as a dependency of what has its old name."""
        return {}

    def predecessors(self, packages: Sequence[Package]) -> Dict[Tuple[str, str], Tuple[str, ...]]:
        there = [Wanted(package.name, package.arch, package.version) for package in packages]
        taken = parse.takes_over(load.show(self._runner, specs(there, self.arch()))) if there else {}
        return {item.key: tuple(sorted(taken[item.name])) for item in there if taken.get(item.name)}

    def history(self, packages: Sequence[Package], rules: Rules) -> Dict[Package, List[Came]]:
        policies = self._policy([entry for entry in self._entries() if entry.present])
        targets = classify.by_text(self._targets())
        found = {p: policies.get(key(p.name, p.arch, self.arch())) for p in packages}
        return {p: classify.history(p.version, policy, targets, rules) if policy else [] for p, policy in found.items()}

    # ------------------------------------------------------------ what would happen

    def simulate(self, wanted: Sequence[Wanted], selection: Selection) -> Transaction:
        if not wanted:
            return Transaction()
        done = load.simulate(self._runner, specs(wanted, self.arch()))
        host = transaction.host(self._entries(), self.arch())
        problem = parse.problem(done.stdout, done.stderr) if done.rc else None
        if problem:
            return Transaction(problem=problem)
        changes = transaction.changes(parse.steps(load.checked(done).stdout), host)
        problem = transaction.refused(changes, wanted, selection, host) or self._unsigned(changes)
        if problem:
            return Transaction(changes, problem=problem)
        found = transaction.sized(changes, self._records(transaction.specs(changes)), self._archives(), host)
        return replace(found, replaced=self._replaced(changes, selection), erases=True) if found.removals else found

    def _replaced(self, changes: Sequence[Change], selection: Selection) -> Tuple[Replaced, ...]:
        coming, gone = transaction.specs(changes), [Wanted(c.name, c.arch, c.from_) for c in changes if c.to is None and c.from_]
        taken = parse.takes_over(load.show(self._runner, specs(coming, self.arch()))) if coming else {}
        back = parse.takes_over(load.show(self._runner, specs(gone, self.arch()))) if selection.allow_downgrade else {}
        return replaced(changes, {item.name: [name for name, others in taken.items() if item.name in others] for item in gone}, back)

    def _unsigned(self, changes: Sequence[Change]) -> Optional[str]:
        """A simulation does not say that the installation would refuse a source."""
        refused = {target.text for target in self._targets() if not target.trusted}
        if not refused:
            return None
        coming = {key(change.name, change.arch, self.arch()): change.to for change in changes if change.to}
        names = [shown(at, self.arch()) for at in sorted(coming)]
        return transaction.unsigned(coming, parse.policies(load.policy(self._runner, names), self.arch()), refused)

    # ------------------------------------------------------------ what changes the host

    def refresh(self, limit: float) -> None:
        self._policies, self._fetched = ("", {}), None
        self._sizes = {}
        self._alone(limit, lambda left: apply.update(self._runner, left))

    def download(self, wanted: Sequence[Wanted], selection: Selection, limit: float) -> None:
        if not self._is_cached(wanted):
            self._alone(limit, lambda left: apply.download(self._runner, specs(wanted, self.arch()), selection, left))

    def _is_cached(self, wanted: Sequence[Wanted]) -> bool:
        """By name and size, as apt itself knows an archive again; but its own look takes up to a second in which the host is out of service."""
        if not wanted:
            return True
        sizes, there = self._records(wanted), set(self._archives("%s %f\\n"))
        return all(self._archive_of(item, sizes) in there for item in wanted)

    def _archive_of(self, item: Wanted, sizes: Mapping[Tuple[Key, str], parse.Sizes]) -> str:
        size = sizes.get((key(item.name, item.arch, self.arch()), item.version))
        return "%s %s" % (size.download if size and size.download is not None else "of unknown size", transaction.archive(item.name, item.arch, item.version))

    def _alone(self, limit: float, work: Callable[[float], None]) -> None:
        """Begin again with work that found somebody else at it, until it is done or the limit has passed."""
        deadline = Deadline(limit, self._clock)
        while True:
            self.wait_for_lock(deadline.left)
            try:
                return work(max(deadline.left, 1.0))
            except LockTimeout:
                # Who is at work may be in another mount namespace, or have come at this moment.
                if deadline.passed:
                    raise
                deadline.pause(_LOOK_AGAIN)

    def apply(self, wanted: Sequence[Wanted], selection: Selection, limit: float, log: IO[str], keep_config: bool = True) -> None:
        if not wanted:
            return
        deadline = Deadline(limit, self._clock)
        self.wait_for_lock(limit)
        self.download(wanted, selection, max(deadline.left, 1.0))
        done = apply.install(self._runner, specs(wanted, self.arch()), selection, keep_config, deadline.left, log)
        if done.rc:
            raise CommandFailed("apt-get ended with rc %d: its log says why" % done.rc, done.argv, rc=done.rc)

    def interrupted(self) -> Optional[str]:
        return repair.diagnosis(self._runner)

    def repair(self, limit: float, log: IO[str]) -> None:
        self.wait_for_lock(limit)
        repair.repair(self._runner, self.arch(), self._directory("archives"), log)

    def wait_for_lock(self, limit: float) -> None:
        found: List[Optional[locks.Holder]] = []

        def is_free() -> bool:
            found[:] = [locks.holder(self._runner)]
            return found[0] is None

        if not Deadline(limit, self._clock).until(is_free, _LOOK_AGAIN):
            raise LockTimeout("%s, for longer than %g s" % (found[0], limit), holder=str(found[0]), limit=limit)

    def restore_reasons(self, before: Sequence[Package]) -> List[str]:
        """A package that ``before`` does not know is a new dependency; to give one that was asked for another reason, say so there."""
        was = {key(package.name, package.arch, self.arch()): package.reason for package in before}
        automatic = self._automatic()
        wrong: Dict[str, List[str]] = {"manual": [], "automatic": []}
        for at in map(self._key, (entry for entry in self._entries() if entry.present)):
            reason, now = was.get(at, "automatic"), "automatic" if at in automatic else "manual"
            if reason != now and reason in wrong:
                wrong[reason].append(shown(at, self.arch()))
        for reason, names in wrong.items():
            apply.mark(self._runner, reason, sorted(names))
        return ["%s: %s" % (name, reason) for reason, names in wrong.items() for name in sorted(names)]

    # ------------------------------------------------------------ what else is known

    def reboot(self) -> Reboot:
        """The flag that packages leave, and a kernel that was replaced under the same name, which not every host flags."""
        packages = sorted(set((self._runner.read(REBOOT_REQUIRED + ".pkgs") or "").split()))
        reasons = ["package: %s" % name for name in packages] or ["%s exists" % REBOOT_REQUIRED]
        if self._runner.read(REBOOT_REQUIRED) is None:
            reasons = []
        reasons += self._rebuilt_kernel()
        return Reboot(bool(reasons), tuple(reasons))

    def _rebuilt_kernel(self) -> List[str]:
        release, running = parse.kernel(load.kernel(self._runner))
        there = [entry.version for entry in self._entries() if running and entry.present and entry.name == "linux-image-" + release]
        return ["kernel: %s runs as version %s, and %s is installed" % (release, running, version) for version in there if version != running]

    def updater_units(self) -> List[str]:
        return list(UPDATER_UNITS)

    def leftover_config(self) -> List[str]:
        tests = [word for name in LEFTOVERS for word in ("-o", "-name", name)][1:]
        return sorted(load.found(self._runner, "/etc", ["-xdev", "-type", "f", "("] + tests + [")"]))

    def cache_paths(self) -> List[str]:
        return [self._directory("archives")]

    def environment(self) -> Mapping[str, str]:
        return apply.environment()

    # ------------------------------------------------------------ the host, as often as it is asked

    def _entries(self) -> List[parse.Entry]:
        return parse.status(load.status(self._runner))

    def _key(self, entry: parse.Entry) -> Key:
        return key(entry.name, entry.arch, self.arch())

    def _targets(self) -> List[parse.Target]:
        """Asked again only when the metadata was fetched anew."""
        if self._fetched is None:
            self._fetched = parse.targets(load.targets(self._runner))
        return self._fetched

    def _automatic(self) -> AbstractSet[Key]:
        states = self._runner.read(self._directory("states")) or ""
        return parse.automatic(states, self.arch())

    def _directory(self, what: str) -> str:
        self._directories = self._directories or load.directories(self._runner)
        return self._directories[what]

    def _policy(self, entries: Sequence[parse.Entry]) -> Dict[Key, parse.Policy]:
        """Half a second for all packages; asked again only when dpkg's database or the metadata changed."""
        state = repr(entries)
        if self._policies[0] != state:
            names = [shown(self._key(entry), self.arch()) for entry in entries if entry.present]
            self._policies = (state, parse.policies(load.policy(self._runner, names), self.arch()))
        return self._policies[1]

    def _records(self, wanted: Sequence[Wanted]) -> Mapping[Tuple[Key, str], parse.Sizes]:
        missing = [item for item in wanted if (key(item.name, item.arch, self.arch()), item.version) not in self._sizes]
        if missing:
            text = load.show(self._runner, specs(missing, self.arch()))
            self._sizes.update(transaction.by_key(parse.records(text), self.arch()))
        return self._sizes

    def _archives(self, show: str = "%f\\n") -> List[str]:
        return load.found(self._runner, self._directory("archives"), ["-maxdepth", "1", "-type", "f", "-name", "*.deb"], show)


def _newer(entry: parse.Entry, policy: Optional[parse.Policy]) -> bool:
    return bool(policy and policy.candidate and compare_deb(entry.version, policy.candidate) < 0)


def _feeder(policy: Optional[parse.Policy]) -> str:
    """Who offers any version."""
    sources = (_source(policy, version.version) for version in (policy.versions if policy else ()))
    return next(filter(None, sources), "")


def _source(policy: Optional[parse.Policy], version: str) -> str:
    found = policy.find(version) if policy else None
    texts = [text for text in (found.sources if found else ()) if text != parse.DPKG_STATUS]
    return parse.source_id(texts[0]) if texts else ""
