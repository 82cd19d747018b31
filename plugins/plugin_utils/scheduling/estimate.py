# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a host will be out of service, from how long hosts were. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_ENOUGH = 3
"""So many other hosts' records say something about this one."""
_OTHERS = 500
_FEW = 5
"""Packages by which two installations may differ and still be alike, however small they are."""


@dataclass(frozen=True)
class Past:
    """One host's time out of service in a run that brought it back: ``seconds`` from the slot's taking to its return without the soak,
    ``reboot_s`` the part of it that the reboot took, 0 where there was none; ``packages`` how many were changed."""

    host: str
    seconds: float
    packages: int
    reboot_s: float = 0.0
    at: float = 0.0

    @property
    def work_s(self) -> float:
        return max(self.seconds - self.reboot_s, 0.0)


@dataclass(frozen=True)
class Estimate:
    """``seconds`` is what has to fit into a window: nine in ten such installations took no longer, and a reboot is in it. ``likely_s`` is what a plan
    predicts: half of them took longer. ``assumed``: there is no history to tell, and the number is a setting. ``basis`` says where it is from."""

    seconds: float
    assumed: bool
    basis: str
    likely_s: float


class History:
    """Records by host, put in order once for a whole fleet. Of other hosts the newest few hundred say as much as all."""

    def __init__(self, past: Iterable[Past]) -> None:
        self._newest = sorted(past, key=lambda one: (-one.at, one.host, one.seconds, one.packages, one.reboot_s))
        self._own: dict[str, list[Past]] = {}
        self._like: dict[int, list[Past]] = {}
        for one in self._newest:
            self._own.setdefault(one.host, []).append(one)
        del self._newest[_OTHERS:]

    def own(self, host: str) -> list[Past]:
        return self._own.get(host, [])

    def like(self, packages: int) -> list[Past]:
        """Like installations of whichever hosts."""
        if packages not in self._like:
            self._like[packages] = _like(self._newest, packages)
        return self._like[packages]


def need(history: History, host: str, packages: int, default_s: float, reboot_reserve_s: float, reboot: bool = True) -> Estimate:
    """How long ``host`` will be out of service for ``packages`` changes.

    Installations are alike when one has at most twice as many packages as the other, or a handful more. The first of these that exists counts:
    the host's own like ones; at least three like ones of other hosts; the host's own bigger ones, which took longer if anything; the
    default, or what the host has needed for less if that was longer. Nothing is scaled: most of the time goes into what does not grow with the
    packages (drain, gate, restore), and a factor would only look exact.

    ``reboot`` says that the host may be rebooted. The reserve for that is what the host's own reboots took, else ``reboot_reserve_s``.
    """
    own = history.own(host)
    chosen, assumed, basis = _chosen(history, own, packages)
    work = [past.work_s for past in chosen]
    high, middle = (quantile(work, 0.9), quantile(work, 0.5)) if work else (default_s, default_s)
    if assumed:
        high, middle = max(high, default_s), max(middle, default_s)
    reserve, likely = _reboot(own, chosen, reboot_reserve_s) if reboot else (0.0, 0.0)
    return Estimate(high + reserve, assumed, basis, min(middle + likely, high + reserve))


def quantile(values: Sequence[float], part: float) -> float:
    """The smallest of ``values`` that is not exceeded by this part of them."""
    return sorted(values)[max(math.ceil(part * len(values)) - 1, 0)]


def alike(one: int, other: int) -> bool:
    return abs(one - other) <= max(_FEW, min(one, other))


def _like(history: Sequence[Past], packages: int) -> list[Past]:
    return [past for past in history if alike(past.packages, packages)]


def _chosen(history: History, own: Sequence[Past], packages: int) -> tuple[list[Past], bool, str]:
    """The records that count, whether the default has to be asked too, and why these."""
    mine, theirs = _like(own, packages), history.like(packages)
    bigger = [past for past in own if past.packages > packages]
    if mine:
        return mine, False, "from %d like installations of this host" % len(mine) if len(mine) > 1 else "from a like installation of this host"
    if len(theirs) >= _ENOUGH:
        return theirs, False, "from %d like installations of other hosts" % len(theirs)
    if bigger:
        return bigger, False, "from bigger installations of this host"
    if own:
        return list(own), True, "assumed: this host's history has only smaller installations"
    return [], True, "assumed: no history of such installations"


def _reboot(own: Sequence[Past], chosen: Sequence[Past], reserve_s: float) -> tuple[float, float]:
    """What is kept for a reboot, and what it is likely to take: nothing where most such installations had none."""
    mine = [past.reboot_s for past in own if past.reboot_s > 0]
    reserve = quantile(mine, 0.9) if mine else reserve_s
    seen = [past.reboot_s for past in chosen if past.reboot_s > 0]
    if chosen and 2 * len(seen) <= len(chosen):
        return reserve, 0.0
    return reserve, quantile(seen or mine or [reserve_s], 0.5)
