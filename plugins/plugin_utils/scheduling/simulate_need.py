# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long each host of a fleet is likely to take: ``estimate.need``, asked once for all hosts that are alike. Pure."""

from __future__ import annotations

from .estimate import Estimate, History, need

Asked = tuple[int, float, float, bool]


class Needs:
    """What is known of hosts without a history of their own differs in few things."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._alike: dict[Asked, Estimate] = {}

    def of(self, host: str, packages: int, default_s: float, reboot_reserve_s: float, reboot: bool) -> Estimate:
        """As ``estimate.need``."""
        asked: Asked = (packages, default_s, reboot_reserve_s, reboot)
        if self._history.own(host):
            return need(self._history, host, *asked)
        if asked not in self._alike:
            self._alike[asked] = need(self._history, host, *asked)
        return self._alike[asked]
