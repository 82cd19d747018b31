# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""What is worse on a host than before it was touched. Pure.

Only what got worse counts: a unit that had failed before, a file system that was full before, a service that is new are no news.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from ..errors import BadInput

MIN_FREE_PERCENT = 5.0

Health = Mapping[str, Any]
Difference = Dict[str, Any]

_SHAPE = {"boot_id": str, "failed_units": list, "restarting_units": list, "restarts": dict, "listening": list, "mounts": list,
          "clock": dict, "system": dict}
_BAD_STATES = ("maintenance", "offline", "unknown")


def checked_baseline(baseline: Any) -> Health:
    """The health document that was given as baseline, or ``BadInput``: nothing is compared with half of one."""
    if not isinstance(baseline, Mapping):
        raise BadInput("baseline is no health document: give what host_health_info returned as health")
    wrong = [key for key, kind in _SHAPE.items() if not isinstance(baseline.get(key), kind)]
    if wrong:
        raise BadInput("baseline is no health document, its %s is missing or of another kind: give what host_health_info returned as health"
                       % wrong[0], key=wrong[0])
    return baseline


def compare(baseline: Health, now: Health, ignore: Sequence[str] = (), min_free: float = MIN_FREE_PERCENT) -> List[Difference]:
    """The differences for the worse, sorted, without those that a glob of ``ignore`` matches as ``kind:name`` or ``name``."""
    found: List[Difference] = []
    for look in (_units, _restarting, _sockets, _mounts, _clock, _system):
        found.extend(look(baseline, now))
    found.extend(_space(baseline, now, min_free))
    return sorted((d for d in found if not ignored(d["kind"], d["name"], ignore)), key=lambda d: (d["kind"], d["name"]))


def ignored(kind: str, name: str, ignore: Sequence[str]) -> bool:
    return any(fnmatchcase(text, glob) for glob in ignore for text in (name, "%s:%s" % (kind, name)))


def difference(kind: str, name: str, was: Any, is_: Any, message: str) -> Difference:
    return {"kind": kind, "name": name, "was": was, "is": is_, "message": message}


def _known_bad(baseline: Health) -> List[str]:
    """Units that did not run well before: failed, being restarted, or restarted by systemd at some time since the boot."""
    return list(baseline["failed_units"]) + list(baseline["restarting_units"]) + list(baseline["restarts"])


def _units(baseline: Health, now: Health) -> Iterator[Difference]:
    before = list(baseline["failed_units"]) + list(baseline["restarting_units"])
    for name in now["failed_units"]:
        if name not in before:
            yield difference("failed_unit", name, "not failed", "failed", "unit %s has failed" % name)


def _restarting(baseline: Health, now: Health) -> Iterator[Difference]:
    for name in now["restarting_units"]:
        if name not in _known_bad(baseline):
            yield difference("restarting_unit", name, "not restarting", "restarting", "unit %s fails and is being restarted" % name)


def crash_looping(baseline: Health, earlier: Health, now: Health) -> List[Difference]:
    """Units that systemd has restarted between two looks at the same boot. Between two crashes such a unit looks well."""
    if earlier["boot_id"] != now["boot_id"]:
        return []
    grown = [(name, earlier["restarts"].get(name, 0), count) for name, count in now["restarts"].items()]
    return [difference("restarting_unit", name, was, count, "unit %s was restarted by systemd %d times while watched" % (name, count - was))
            for name, was, count in grown if count > was and name not in _known_bad(baseline)]


def _sockets(baseline: Health, now: Health) -> Iterator[Difference]:
    present = [_socket(text) for text in now["listening"]]
    gone: Dict[str, str] = {}
    for text in baseline["listening"]:
        wanted = _socket(text)
        if not any(_covers(found, wanted) for found in present):
            gone.setdefault(socket_name(text), text)
    for name, text in gone.items():
        yield difference("listening", name, text, None, "nothing listens on %s any more" % text)


def socket_name(text: str) -> str:
    """A socket without its process: ``tcp 0.0.0.0:80``."""
    return " ".join(_socket(text))


def _socket(text: str) -> Tuple[str, str]:
    words = text.split(" ", 2)
    return words[0], words[1] if len(words) > 1 else ""


def _covers(found: Tuple[str, str], wanted: Tuple[str, str]) -> bool:
    """Whether who reached ``wanted`` now reaches ``found``: the same socket, or one that listens on every address."""
    if found == wanted:
        return True
    address, _colon, port = found[1].rpartition(":")
    wanted_address, _colon, wanted_port = wanted[1].rpartition(":")
    if (found[0], port) != (wanted[0], wanted_port):
        return False
    family = "[::]" if wanted_address.startswith("[") else "0.0.0.0"
    return address == "*" or (address == family and wanted_address != "*")


def _mounts(baseline: Health, now: Health) -> Iterator[Difference]:
    present = {mount["path"]: mount for mount in now["mounts"]}
    for mount in baseline["mounts"]:
        path, found = mount["path"], present.get(mount["path"])
        if found is None:
            yield difference("mount", path, mount["source"], None, "%s is not mounted any more (it was %s)" % (path, mount["source"]))
        elif found["read_only"] and not mount["read_only"]:
            yield difference("read_only", path, "writable", "read-only", "%s has become read-only" % path)


def _space(baseline: Health, now: Health, min_free: float) -> Iterator[Difference]:
    before = {mount["path"]: mount for mount in baseline["mounts"]}
    for mount in now["mounts"]:
        for kind, key, what in (("space", "free_percent", "space"), ("inodes", "inodes_free_percent", "inodes")):
            was: Optional[float] = before.get(mount["path"], {}).get(key)
            free: Optional[float] = mount[key]
            if was is not None and free is not None and free < min_free <= was:
                yield difference(kind, mount["path"], was, free, "%s has %g %% of its %s free (%g %% before, at least %g %% wanted)" % (
                    mount["path"], free, what, was, min_free))


def _clock(baseline: Health, now: Health) -> Iterator[Difference]:
    if baseline["clock"].get("synchronized") and now["clock"].get("synchronized") is False:
        yield difference("clock", "synchronized", True, False, "the clock is not synchronized any more")


def _system(baseline: Health, now: Health) -> Iterator[Difference]:
    was, state = baseline["system"].get("state"), now["system"].get("state")
    if state in _BAD_STATES and was not in _BAD_STATES and was is not None:
        problem = now["system"].get("problem")
        yield difference("system", "state", was, state, "systemd is %s%s (%s before)" % (state, ": %s" % problem if problem else "", was))
