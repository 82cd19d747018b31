# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lease of a run, kept by whatever its controller's actions do."""

from __future__ import annotations

import os
import time
from typing import Any

from .ledger import runs
from .ledger.engine import Ledger
from .ledger.rows import Run

_LOW = 0.75
"""The part of a lease below which it is renewed."""


class Alive:
    """``run`` as it was just read; ``of_us`` says whether it is this controller's and not at its end: of others nothing is renewed."""

    def __init__(self, ledger: Ledger, run: Run, of_us: bool) -> None:
        self._ledger, self._run, self._of_us = ledger, run, of_us
        self._lease = runs.lease_of(run)
        self.due = 0.0
        self._keep(run.lease_left or 0.0)

    def keep(self) -> None:
        """Renew the lease once a quarter of it is gone; most of the time another host's action has done it."""
        if time.monotonic() < self.due:
            return
        with self._ledger.read() as c:
            left = runs.without_settings(c, self._run.id).lease_left or 0.0
        self._keep(left)

    def _keep(self, left: float) -> None:
        if left < self._lease * _LOW and self._of_us:
            with self._ledger.write() as c:
                left = self._lease if runs.renew(c, self._run) else left
        self.due = time.monotonic() + max(left - self._lease * _LOW, self._lease / 20)

    def renew(self) -> None:
        """Renew it whole, before something that may take as long as a step."""
        if self._of_us:
            with self._ledger.write() as c:
                self.renew_in(c)

    def renew_in(self, c: Any) -> None:
        """The same within a transaction of ``ledger.write()``."""
        if self._of_us and runs.renew(c, self._run):
            self.due = time.monotonic() + self._lease * (1 - _LOW)


def with_its_controller(controller: int) -> None:
    """A worker whose controller was killed ends here. Whoever goes on with the run begins where the ledger says; nobody else is to be at it then, to keep
    its lease or to take a slot."""
    if os.getppid() != controller:
        os._exit(1)
