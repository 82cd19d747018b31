# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a roll cost, from what was seen of it: figures, their ratios, and how they are told; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

SILENT = 255
"""What ssh returns where no host answered."""


@dataclass(frozen=True)
class Raw:
    """What the hosts themselves have to do, in seconds of each host, and how long they took in as many lanes as the limit gives."""

    install: Mapping[str, float]
    reboot: Mapping[str, float]
    took: float

    @property
    def host_seconds(self) -> float:
        return sum(self.install.values()) + sum(self.reboot.values())

    def bound(self, lanes: int) -> float:
        """No schedule is shorter."""
        longest = max(self.install[host] + self.reboot.get(host, 0.0) for host in self.install)
        return max(self.host_seconds / lanes, longest)


@dataclass(frozen=True)
class Call:
    """One call of ssh."""

    began: float
    rc: int
    address: str


@dataclass(frozen=True)
class Rolled:
    """One way of patching all hosts. ``parts`` are host-seconds by step, where the way keeps such a record."""

    total: float
    before: float
    """Until the first host was out of service."""
    roll: float
    """From then on until the last was back."""
    out: float
    """Host-seconds out of service."""
    most_out: int
    cpu: float
    calls: float
    """Remote executions a host, those on the load balancer in equal parts."""
    calls_reboot: float
    """The same of the hosts that were rebooted."""
    served: int
    failed: int
    parts: Mapping[str, float] = field(default_factory=dict)
    cycles: Mapping[str, int] = field(default_factory=dict)
    """Remote executions on each host itself since it has its slot."""
    slots: float = 0.0
    """From the first slot that was given to the last that was returned."""


def best(one: Raw, other: Raw) -> Raw:
    """Of two measurements before and after, because others' work on the machine comes and goes."""
    return Raw({name: min(seconds, other.install[name]) for name, seconds in one.install.items()},
               {name: min(seconds, other.reboot[name]) for name, seconds in one.reboot.items()}, min(one.took, other.took))


def absences(watched: Mapping[str, Any], hosts: Sequence[str]) -> list[tuple[float, float]]:
    """From when to when hosts were out of service; one that never came back makes the whole measurement wrong, and is told by the caller."""
    return [(float(one["from"]), float(one["to"])) for host in hosts for one in watched["hosts"].get(host, []) if one["to"] is not None]


def returned(watched: Mapping[str, Any], hosts: Sequence[str]) -> bool:
    """Was each host out of service, and is none of them any more?"""
    return all(watched["hosts"].get(host) and watched["hosts"][host][-1]["to"] is not None for host in hosts)


def calls(text: str) -> list[Call]:
    """The log of counting-ssh."""
    return [Call(float(began), int(rc), address) for began, rc, address in (line.split() for line in text.splitlines())]


def executions(found: Sequence[Call]) -> Counter[str]:
    """By address, without attempts while a host is down; but the first that no host answered is the one that a reboot cut off."""
    counted = Counter(call.address for call in found if call.rc != SILENT)
    counted.update({call.address for call in found if call.rc == SILENT})
    return counted


def mean_calls(counted: Mapping[str, int], addresses: Mapping[str, str], hosts: Sequence[str], of: Sequence[str]) -> float:
    """Of the hosts ``of``, each with its share of those on machines that serve all of ``hosts``."""
    shared = sum(number for address, number in counted.items() if address not in {addresses[host] for host in hosts})
    return sum(counted.get(addresses[host], 0) for host in of) / max(1, len(of)) + shared / len(hosts)


def parts(model: Mapping[str, Any]) -> dict[str, float]:
    """Host-seconds by step from the report's data, in the order of a host's cycle."""
    found: dict[str, float] = {}
    for host in model["hosts"]:
        for step in host["steps"]:
            name = str(step["step"])
            found[name] = found.get(name, 0.0) + (step["finished_at"] or step["started_at"]) - step["started_at"]
    return found


_BEFORE = ("prepare", "confirm")
"""Steps of a host that has no slot yet."""


def cycles(model: Mapping[str, Any], found: Sequence[Call], addresses: Mapping[str, str]) -> dict[str, int]:
    counted: dict[str, int] = {}
    for host in model["hosts"]:
        address = addresses[host["name"]]
        begins = min((step["started_at"] for step in host["steps"] if step["step"] not in _BEFORE), default=None)
        if begins is not None:
            counted[host["name"]] = executions([call for call in found if call.address == address and call.began >= begins])[address]
    return counted


Row = tuple[str, float, float, float]


def rows(raw: Raw, idiom: Rolled, train: Rolled, lanes: int) -> list[Row]:
    """Name, train, idiom, and the ratio of the two. ``train`` is either time that it rolled."""
    bound = raw.bound(lanes)

    def both(name: str, mine: float, theirs: float) -> Row:
        return name, mine, theirs, mine / theirs if theirs else float("nan")

    return [
        both("first slot to last return, of the bound (idiom: whole run)", train.slots / bound, idiom.total / bound),
        both("first out to last back, of the bound", train.roll / bound, idiom.roll / bound),
        both("out of service, of the raw work", train.out / raw.host_seconds, idiom.out / raw.host_seconds),
        both("whole run, of the bound", train.total / bound, idiom.total / bound),
        both("before the first is out, of the whole run", train.before / train.total, idiom.before / idiom.total),
        both("after the last is back, of the whole run", _after(train) / train.total, _after(idiom) / idiom.total),
        both("controller CPU, of the whole run", train.cpu / train.total, idiom.cpu / idiom.total),
        both("whole run", train.total, idiom.total), both("first out to last back", train.roll, idiom.roll),
        both("out of service", train.out, idiom.out), both("controller CPU", train.cpu, idiom.cpu),
        both("remote executions a host", train.calls, idiom.calls),
        both("remote executions a host with reboot", train.calls_reboot, idiom.calls_reboot),
        both("most hosts out at once", train.most_out, idiom.most_out), both("failed requests", train.failed, idiom.failed)]


_SECONDS = ("whole run", "first out to last back", "out of service", "controller CPU")


def _after(rolled: Rolled) -> float:
    return rolled.total - rolled.before - rolled.roll


def table(found: Sequence[Row]) -> str:
    """For a person. Of what is counted in seconds only the ratio is told."""
    lines = ["%-60s %8s %8s %8s" % ("measured", "train", "idiom", "ratio")]
    for name, mine, theirs, ratio in found:
        cells = ("", "") if name in _SECONDS else ("%.3g" % mine, "%.3g" % theirs)
        lines.append("%-60s %8s %8s %8s" % (name, *cells, "-" if ratio != ratio else "%.3g" % ratio))
    return "\n".join(lines)


def where(train: Rolled, raw: Raw) -> str:
    """The train's host-seconds by step, beside the raw work."""
    return "\n".join("%-60s %8.3g" % ("%s, of the raw work" % name, seconds / raw.host_seconds) for name, seconds in train.parts.items())


def document(raw: Raw, arms: Mapping[str, Rolled], sizes: Mapping[str, object], lanes: int) -> dict[str, object]:
    """For a program: the seconds too."""
    return {"format": 1, "sizes": dict(sizes),
            "raw": {"install": dict(raw.install), "reboot": dict(raw.reboot), "host_seconds": raw.host_seconds, "took": raw.took,
                    "bound": raw.bound(lanes)},
            **{name: asdict(arm) for name, arm in arms.items()},
            "rows": [{"measured": name, "train": mine, "idiom": theirs, "ratio": None if ratio != ratio else ratio}
                     for name, mine, theirs, ratio in rows(raw, arms["idiom"], arms["train"], lanes)],
            "again_rows": [{"measured": name, "train": mine, "ratio": None if ratio != ratio else ratio}
                           for name, mine, _theirs, ratio in rows(raw, arms["idiom"], arms["again"], lanes)]}
