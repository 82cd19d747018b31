# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Driver ``libvirt``: the guests of a hypervisor leave by live migration and come back; it runs at the hypervisor itself, through virsh.

Entering asks first whether every guest can leave, and touches nothing where one can't. All guests are marked with their home before the
first one moves: of two hypervisors that would evacuate to each other at the same time, each then sees that the other is in maintenance.
Leaving goes by the marks, wherever the guests are by then.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple
from urllib.parse import urlsplit

from ..clock import Clock, Deadline
from ..errors import BadInput, CannotMove, CommandTimeout, MaintenanceFailed, PatchtrainError
from ..options import Option, argv, boolean, one_of, seconds, whole_number, words
from ..runner import Runner
from ._libvirt_guests import MOVE, PAUSED, RUNNING, SAVE, SHUTDOWN, STAY, Guest, Home, some
from ._libvirt_plan import REFUSE, Peers, Plan, Rules, Step, describe, homes, make, read_description
from ._libvirt_virsh import Hypervisor, Virsh, label
from .driver import ENTERED, IN_SERVICE, LEFT, NOTHING_BEGUN, UNDO_LIMIT, Context, Kind, Result, Undo, undoing

_URI = re.compile(r"[a-z]+(\+[a-z0-9]+)?://[^\s;]*")
# As stat names them: file systems that are the same on every host which mounts them.
_SHARED = ("nfs", "nfs4", "ceph", "gfs", "gfs2", "gfs/gfs2", "ocfs2", "lustre", "smb", "smb2", "cifs", "gpfs", "panfs", "afs")


def _uri(value: Any) -> str:
    if not isinstance(value, str) or not _URI.fullmatch(value):
        raise ValueError("%r is no address of a libvirt; give one such as qemu+ssh://hv2.example.com/system" % (value,))
    return value


def _uris(value: Any) -> Tuple[str, ...]:
    return tuple(dict.fromkeys(_uri(word) for word in words(value))) if value not in ([], ()) else ()


def globs(value: Any) -> Tuple[str, ...]:
    return words(value) if value not in ([], ()) else ()


OPTIONS = {
    "peers": Option(_uris, default=()),
    "uri": Option(_uri, default="qemu:///system"),
    "unmovable": Option(one_of(REFUSE, SHUTDOWN, SAVE), default=REFUSE),
    "answers": Option(argv),
    "failback": Option(one_of("all", "none"), default="all"),
    "pinned": Option(globs, default=()),
    "shared": Option(globs, default=()),
    "copy_storage": Option(boolean, default=False),
    "reserve": Option(whole_number, default=512),
    "poll": Option(seconds, default=0.5),
}


@dataclass(frozen=True)
class _Sides:
    """All hypervisors at one moment: this one, those that answered, and why others did not (URI and reason)."""

    here: Hypervisor
    others: Tuple[Hypervisor, ...]
    silent: Tuple[Tuple[str, str], ...]

    def find(self, uuid: str) -> Optional[Tuple[Hypervisor, Guest]]:
        """Where a guest runs; else where its definition is. While a migration goes on, its source counts."""
        found = [(side, guest) for side in (self.here, *self.others) for guest in side.guests if guest.uuid == uuid]
        return next((item for item in found if item[1].active), found[0] if found else None)

    def marked(self) -> Dict[str, Home]:
        """The guests that belong here and were taken out of the way."""
        found = [guest for side in (self.here, *self.others) for guest in side.guests]
        return {guest.uuid: guest.home for guest in found if guest.home and guest.home.host == self.here.host}

    def peers(self) -> Peers:
        """Who is in maintenance takes no guests."""
        absent: Dict[str, Guest] = {guest.home.host: guest for side in (self.here, *self.others) for guest in side.guests if guest.home}
        busy = tuple((side.uri, "it is in maintenance itself (guest %s belongs there)" % absent[side.host].told)
                     for side in self.others if side.host in absent)
        return Peers(tuple(side for side in self.others if side.host not in absent), self.silent + busy, self._promised())

    def _promised(self) -> Dict[str, int]:
        """What guests of others will need where they go, by host. Who has arrived is counted there already."""
        found: Dict[str, int] = {}
        for side in self.others:
            for guest in side.active:
                to = guest.home.to if guest.home and guest.home.way == MOVE else ""
                if to not in ("", side.host) and not any(there.host == to and guest.uuid in {other.uuid for other in there.active} for there in self.others):
                    found[to] = found.get(to, 0) + guest.memory
        return found


class Libvirt:
    """One hypervisor and its peers. ``host`` is its name, as a guard against emptying another one."""

    def __init__(self, host: str, options: Mapping[str, Any], runner: Runner, clock: Clock, check_mode: bool) -> None:
        self._host = host
        self._options = options
        self._poll: float = options["poll"]
        self._runner = runner
        self._clock = clock
        self._check_mode = check_mode
        self._here = self._virsh(options["uri"])
        self._took: Dict[str, float] = {}
        self._answered: Dict[str, str] = {}
        self._hanging: Dict[str, str] = {}

    def prior(self) -> str:
        sides = self._look()
        return self._prior(sides, self._plan(sides))

    def enter(self, limit: float) -> Result:
        deadline = Deadline(limit, self._clock)
        sides = self._look()
        plan = self._plan(sides)
        prior = self._prior(sides, plan)
        if plan.stuck:
            raise self._blocked(sides.here, plan.stuck, prior)
        self._refuse_missing(plan)
        if self._check_mode:
            return Result(bool(plan.steps), ENTERED, prior, self._detail(sides.here, plan.steps, would=[step.would for step in plan.steps]))
        mine = [step.guest.uuid for step in plan.steps if not step.guest.home or step.guest.home.host == sides.here.host]
        undo = Undo(lambda: self._undo_enter(mine, max(UNDO_LIMIT, limit)), "its guests are as they were") if plan.steps else NOTHING_BEGUN
        undoing(lambda: self._take_away(sides.here, plan, deadline), undo, prior)
        hosts = {side.uri: side.host for side in sides.others}
        moved = [_moved(step.guest, sides.here.host, hosts.get(step.peer, step.peer)) for step in plan.steps if step.way == MOVE]
        return Result(bool(plan.steps), ENTERED, prior, self._detail(sides.here, plan.steps, moved=moved, seconds=round(deadline.elapsed, 1)))

    def verify(self, state: str) -> None:
        if state == ENTERED:
            self._see_empty()
            return
        away = self._look().marked()
        if away:
            raise MaintenanceFailed("%d guests of %s are not back as they were" % (len(away), self._host), guests=sorted(away))

    def leave(self, prior: str, limit: float) -> Result:
        deadline = Deadline(limit, self._clock)
        sides = self._look()
        belong = self._belong(sides, prior)
        self._refuse_unknown(sides, belong)
        todo = {uuid: home for uuid, home in belong.items() if sides.find(uuid)}
        gone = sorted(set(belong) - set(todo))
        if self._check_mode:
            return Result(bool(todo), LEFT, prior, self._left(sides, todo, gone, would=self._would_leave(sides, todo)))
        undo = Undo(lambda: self._undo_leave(sides, todo, max(UNDO_LIMIT, limit)), "its guests are away again") if todo else NOTHING_BEGUN
        undoing(lambda: self._bring_back(todo, deadline), undo, prior)
        found = [where for where in map(sides.find, sorted(todo)) if where]
        moved = [_moved(guest, side.host, sides.here.host) for side, guest in found if guest.uuid in self._took]
        return Result(bool(todo), LEFT, prior, self._left(sides, todo, gone, moved=moved, seconds=round(deadline.elapsed, 1)))

    # Reading

    def _virsh(self, uri: str) -> Virsh:
        return Virsh(uri, self._runner, self._check_mode)

    def _look_here(self) -> Hypervisor:
        here = self._here.look()
        if label(here.host) != label(self._host):
            raise BadInput("virsh at %s speaks for %s, not for %s: the driver libvirt runs at the hypervisor itself (place), whose own name "
                           "the key host gives where the inventory has another" % (self._here.uri, here.host, self._host), host=self._host)
        return here

    def _look(self) -> _Sides:
        here = self._look_here()
        others: List[Hypervisor] = []
        silent: List[Tuple[str, str]] = []
        for uri in self._options["peers"]:
            if label(urlsplit(uri).hostname or "") == label(here.host):
                continue
            seen, reason = self._look_at_peer(uri)
            if seen is None:
                silent.append((uri, reason))
            elif seen.host != here.host:
                others.append(seen)
        return _Sides(here, tuple(others), tuple(silent))

    def _look_at_peer(self, uri: str) -> Tuple[Optional[Hypervisor], str]:
        """One that let a whole limit pass is not asked again: there would be no time left for what matters."""
        if uri in self._hanging:
            return None, self._hanging[uri]
        try:
            return self._virsh(uri).look(), ""
        except PatchtrainError as error:
            _pass_on_signal(error)
            if isinstance(error, CommandTimeout):
                self._hanging[uri] = error.message
            return None, error.message

    def _refuse_missing(self, plan: Plan) -> None:
        """What guests are asked with afterwards has to be there before the first of them is stopped."""
        program = (self._options["answers"] or [""])[0]
        if program and any(step.way in (SHUTDOWN, SAVE) for step in plan.steps) and not self._runner.which(program):
            raise BadInput("the option answers names the program %s, which %s has not, or which can't be run there" % (program, self._host))

    def _plan(self, sides: _Sides) -> Plan:
        rules = Rules(self._options["unmovable"], self._options["pinned"], self._options["copy_storage"], self._options["reserve"],
                      self._is_local, tuple(self._here.with_snapshots()))
        return make(sides.here, sides.peers(), rules)

    def _is_local(self, path: str) -> bool:
        if any(fnmatchcase(path, glob) for glob in self._options["shared"]):
            return False
        done = self._runner.run(["stat", "--file-system", "--format=%T", "--", path], limit=UNDO_LIMIT)
        return done.rc != 0 or done.stdout.strip() not in _SHARED

    @staticmethod
    def _prior(sides: _Sides, plan: Plan) -> str:
        """The guests that are here. Those that an earlier entering took away are not in it: somebody else will bring them back."""
        steps = [*plan.steps, *(Step(guest, MOVE) for guest, _reason in plan.stuck)]
        return describe(sides.here.host, steps) if steps or sides.marked() else IN_SERVICE

    def _belong(self, sides: _Sides, prior: str) -> Dict[str, Home]:
        """The guests to bring back: those that this entering took away, or all that are marked where nothing else is known."""
        marked = sides.marked()
        if prior == IN_SERVICE:
            return marked
        recorded = homes(read_description(prior, sides.here.host), sides.here.host)
        foreign = {uuid for uuid in recorded for found in [sides.find(uuid)] if found and found[1].home and uuid not in marked}
        settled = {uuid for uuid, home in recorded.items() if uuid not in marked and self._settled(sides, uuid, home)}
        return {uuid: marked.get(uuid, home) for uuid, home in recorded.items() if uuid not in foreign | settled}

    def _settled(self, sides: _Sides, uuid: str, home: Home) -> bool:
        """Whoever bears no mark and is here as recorded was never taken away, or is back; or may stay where it is."""
        found = sides.find(uuid)
        if found and found[0].uri != self._here.uri:
            return bool(self._options["failback"] == "none")
        return bool(found and _as_was(found[1], home))

    @staticmethod
    def _refuse_unknown(sides: _Sides, belong: Mapping[str, Home]) -> None:
        """A guest that nobody has is gone only when everybody was asked."""
        missing = [uuid for uuid in belong if not sides.find(uuid)]
        if missing and sides.silent:
            raise MaintenanceFailed("%d guests of %s are not found, and may be where nobody answers (%s)" % (
                len(missing), sides.here.host, "; ".join("%s: %s" % item for item in sides.silent)), guests=missing)

    # Taking away

    def _take_away(self, here: Hypervisor, plan: Plan, deadline: Deadline) -> None:
        for step in plan.steps:
            if step.unmarked(here.host):
                self._here.mark(step.guest, step.home(here.host))
        self._refuse_busy(plan)
        for step in plan.steps:
            self._one_away(step, deadline)
        self._see_empty()

    def _refuse_busy(self, plan: Plan) -> None:
        """Somebody else may have begun with a peer since we looked."""
        peers = self._look().peers()
        usable = {peer.uri for peer in peers.usable}
        wanted = sorted({step.peer for step in plan.steps if step.way == MOVE} - usable)
        if wanted:
            raise CannotMove("guests were to go to %s, which takes none any more (%s)" % (", ".join(wanted), peers.told()))
        for peer in peers.usable:
            needed = sum(step.guest.memory for step in plan.steps if step.peer == peer.uri)
            if needed and peers.room(peer, self._options["reserve"]) < needed:
                raise CannotMove("%s has no room for them any more: guests of others have been promised its memory, or were started" % peer.host)

    def _one_away(self, step: Step, deadline: Deadline) -> None:
        if deadline.passed:
            raise MaintenanceFailed("the guests did not leave within %g s; %s was next" % (deadline.seconds, step.guest.told))
        if step.way == MOVE:
            self._move(step.guest, self._here, self._virsh(step.peer), step.copied, deadline)
            return
        self._here.autostart(step.guest, False)
        if step.way != STAY:
            self._stop(step, deadline)

    def _stop(self, step: Step, deadline: Deadline) -> None:
        if step.way == SAVE:
            self._here.save(step.guest, deadline.left)
        else:
            self._here.shutdown(step.guest)
        if not deadline.until(lambda: not self._guest_at(self._here, step.guest).active, self._poll):
            raise MaintenanceFailed("guest %s did not shut down within %g s" % (step.guest.told, deadline.seconds), guest=step.guest.uuid)

    def _move(self, guest: Guest, source: Virsh, target: Virsh, copied: Sequence[str], deadline: Deadline) -> None:
        if guest.active:
            self._refuse_full(guest, target)
        begun = self._clock.now()
        try:
            source.migrate(guest, target.uri, copied, deadline.left)
        except CommandTimeout as error:
            raise MaintenanceFailed("guest %s did not move within %g s" % (guest.told, deadline.seconds), guest=guest.uuid) from error
        except MaintenanceFailed as error:
            raise CannotMove("guest %s does not move: %s" % (guest.told, error.message), guest=guest.uuid) from error
        self._took[guest.uuid] = round(self._clock.now() - begun, 1)
        there = self._guest_at(target, guest)
        if (there.active, there.state) != (guest.active, guest.state):
            raise MaintenanceFailed("guest %s is %s at %s after its migration, and was %s" % (guest.told, there.state, target.uri, guest.state))
        target.autostart(there, guest.autostart)

    def _refuse_full(self, guest: Guest, target: Virsh) -> None:
        """The memory that was there may have been given to others since."""
        if target.uri == self._here.uri:
            return
        seen = target.look()
        if seen.available - self._options["reserve"] * 1024 < guest.memory:
            raise CannotMove("%s has no room for guest %s any more" % (seen.host, guest.told), guest=guest.uuid)

    def _guest_at(self, virsh: Virsh, guest: Guest) -> Guest:
        found = next((item for item in virsh.look().guests if item.uuid == guest.uuid), None)
        # A transient guest that ended leaves nothing behind.
        return found or replace(guest, active=False, state="gone")

    def _see_empty(self) -> None:
        active = self._look_here().active
        if active:
            raise MaintenanceFailed("%s is not empty: %s; was a guest started meanwhile?" % (
                self._host, some(["%s is %s" % (guest.told, guest.state) for guest in active])), guests=[guest.uuid for guest in active])

    def _undo_enter(self, uuids: Sequence[str], limit: float) -> None:
        sides = self._look()
        marked = sides.marked()
        self._bring_back({uuid: marked[uuid] for uuid in uuids if uuid in marked}, Deadline(limit, self._clock), everything=True)
        self._refuse_unknown(sides, {uuid: Home("", "", False, MOVE) for uuid in uuids})

    # Bringing back

    def _bring_back(self, belong: Mapping[str, Home], deadline: Deadline, everything: bool = False) -> None:
        """Each guest, when undoing (``everything``) also where another one fails; marks are taken away last, when all is well."""
        problems = []
        # All boot while the first is asked.
        for part in (self._one_back, self._see_answer):
            for uuid in sorted(belong):
                try:
                    part(uuid, belong[uuid], deadline, everything)
                except PatchtrainError as error:
                    if not everything:
                        raise
                    problems.append(error.message)
        if problems:
            raise MaintenanceFailed("; ".join(problems))
        self._unmark(belong)

    def _unmark(self, belong: Mapping[str, Home]) -> None:
        sides = self._look()
        for uuid in sorted(belong):
            found = sides.find(uuid)
            if found and found[1].home:
                self._virsh(found[0].uri).unmark(found[1])

    def _one_back(self, uuid: str, home: Home, deadline: Deadline, everything: bool) -> None:
        found = self._look().find(uuid)
        if found is None:
            raise MaintenanceFailed("guest %s is found nowhere any more" % uuid, guest=uuid)
        side, guest = found
        if side.uri != self._here.uri:
            if everything or self._options["failback"] == "all":
                self._come_home(self._virsh(side.uri), guest, home, deadline)
            return
        if home.way == MOVE:
            self._here.abort(guest)
        elif home.way != STAY and not guest.active:
            self._here.start(guest, deadline.left)
        self._await_as_was(guest, home, deadline)

    def _see_answer(self, uuid: str, home: Home, deadline: Deadline, _everything: bool) -> None:
        """A guest that was stopped and runs again may still not work: it is asked as far as it can be."""
        by = [word for word, can in (("agent", home.agent), ("command", self._options["answers"])) if can]
        if home.way not in (SHUTDOWN, SAVE) or home.state != RUNNING or not by:
            return
        guest = next((item for item in self._look_here().active if item.uuid == uuid), None)
        if guest is None or not deadline.until(lambda: all(self._answers(guest, word) for word in by), self._poll):
            raise MaintenanceFailed("guest %s was started again and does not answer within %g s (asked: its %s)" % (
                guest.told if guest else uuid, deadline.seconds, ", ".join(by)), guest=uuid)
        self._answered[uuid] = ", ".join(by)

    def _answers(self, guest: Guest, by: str) -> bool:
        if by == "agent":
            return self._here.agent_answers(guest)
        names = {"PATCHTRAIN_GUEST": guest.name, "PATCHTRAIN_GUEST_UUID": guest.uuid}
        try:
            return self._runner.run(self._options["answers"], limit=UNDO_LIMIT, env=names).rc == 0
        except CommandTimeout as error:
            _pass_on_signal(error)
            return False

    def _come_home(self, source: Virsh, guest: Guest, home: Home, deadline: Deadline) -> None:
        """What it became of elsewhere (paused, shut off) it stays; only its autostart is that of before."""
        self._move(replace(guest, autostart=home.autostart), source, self._here, self._copied_back(guest), deadline)

    def _copied_back(self, guest: Guest) -> List[str]:
        if not self._options["copy_storage"]:
            return []
        return [disk.target for disk in guest.disks if not disk.anywhere and (not disk.path or self._is_local(disk.path))]

    def _await_as_was(self, guest: Guest, home: Home, deadline: Deadline) -> None:
        """A migration that is broken off lets its guest go on after a moment."""
        self._here.autostart(guest, home.autostart)
        seen: List[Guest] = []

        def as_was() -> bool:
            seen[:] = [self._guest_at(self._here, guest)]
            return _as_was(seen[0], home)

        if not deadline.until(as_was, self._poll):
            raise MaintenanceFailed("guest %s is %s, and was %s" % (guest.told, seen[0].state, home.state), guest=guest.uuid)

    def _undo_leave(self, before: _Sides, belong: Mapping[str, Home], limit: float) -> None:
        """Who has come back goes where it was."""
        deadline = Deadline(limit, self._clock)
        now = self._look()
        for uuid, home in sorted(belong.items()):
            was, found = before.find(uuid), now.find(uuid)
            if not was or not found or found[0].uri != self._here.uri:
                continue
            if was[0].uri != self._here.uri:
                self._one_away(Step(found[1], MOVE, was[0].uri, tuple(self._copied_back(found[1]))), deadline)
            elif was[1].active != found[1].active:
                self._one_away(Step(found[1], home.way), deadline)

    # Telling

    @staticmethod
    def _blocked(here: Hypervisor, stuck: Sequence[Tuple[Guest, str]], prior: str) -> CannotMove:
        reasons = ["guest %s can't leave: %s" % (guest.told, reason) for guest, reason in stuck]
        return CannotMove("hypervisor %s is left alone: %s" % (here.host, some(reasons)), prior_state=prior,
                          guests=[{"uuid": guest.uuid, "name": guest.name, "reason": reason} for guest, reason in stuck])

    def _detail(self, here: Hypervisor, steps: Sequence[Step], **more: Any) -> Dict[str, Any]:
        guests = [{"uuid": step.guest.uuid, "name": step.guest.name, "state": step.guest.state, "way": step.way, "peer": step.peer,
                   "seconds": self._took.get(step.guest.uuid)} for step in steps]
        return dict(more, host=here.host, guests=guests)

    def _would_leave(self, sides: _Sides, belong: Mapping[str, Home]) -> List[str]:
        found = [(home, sides.find(uuid)) for uuid, home in sorted(belong.items())]
        return [self._would_one(home, *where) for home, where in found if where]

    def _would_one(self, home: Home, side: Hypervisor, guest: Guest) -> str:
        if side.uri != self._here.uri:
            back = self._options["failback"] == "all"
            return "migrate %s from %s" % (guest.told, side.uri) if back else "leave %s at %s" % (guest.told, side.uri)
        starts = home.way in (SHUTDOWN, SAVE) and not guest.active
        return ("start %s" if starts else "take the mark from %s") % guest.told

    def _left(self, sides: _Sides, belong: Mapping[str, Home], gone: Sequence[str], **more: Any) -> Dict[str, Any]:
        found = [(uuid, sides.find(uuid)) for uuid in sorted(belong)]
        guests = [{"uuid": uuid, "name": where[1].name, "was_at": where[0].host, "seconds": self._took.get(uuid),
                   "answered": self._answered.get(uuid)} for uuid, where in found if where]
        notes = {"note": "of guests that belong here these exist nowhere any more: %s" % ", ".join(gone)} if gone else {}
        return dict(more, host=sides.here.host, guests=guests, **notes)


def _pass_on_signal(error: PatchtrainError) -> None:
    """Told to end, in whatever just went on: that is no answer of a peer."""
    if "signal" in error.data:
        raise error


def _moved(guest: Guest, was: str, now: str) -> Dict[str, Any]:
    return {"what": "guest %s" % guest.told, "from": was, "to": now}


def _as_was(guest: Guest, home: Home) -> bool:
    if home.state not in (RUNNING, PAUSED):
        return not guest.active
    return guest.active and guest.state == home.state


def _build(host: str, options: Mapping[str, Any], context: Context) -> Libvirt:
    if not host.strip():
        raise BadInput("the hypervisor's name is empty")
    return Libvirt(host, options, context.runner, context.clock, context.check_mode)


KIND = Kind("the guests of a libvirt hypervisor, moved live to its peers", OPTIONS, _build)
