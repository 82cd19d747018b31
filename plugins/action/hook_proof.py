# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prove that a hook's tasks were reached. Documented in the module of the same name."""

from __future__ import annotations

from typing import Any, Dict

from ..plugin_utils.action import PatchtrainAction
from ..plugin_utils.hooks import OF_THE_RUN
from ..plugin_utils.remote import Lost, RemoteError

_LIMIT = 30.0


class ActionModule(PatchtrainAction):
    def act(self) -> Dict[str, Any]:
        if self.needed("point").startswith(OF_THE_RUN):
            # It is nobody's page in the ledger; only what was lost is told here.
            place = str(self.argument("place") or "localhost")
            raise Lost("%s, where task %r was to run, did not answer" % (place, self.needed("task")), host=place)
        book = self.book().only_looking(self.checking)
        step = "hook " + self.needed("point")
        if self.argument("state") == "begun":
            book.begin(step)
            return {}
        if self.argument("state") == "lost":
            place = str(self.argument("place") or self.host)
            message = "hook %s: %s, where task %r was to run, did not answer" % (self.needed("point"), place, self.needed("task"))
            book.end(step, "failed", message)
            raise Lost(message, host=place)
        try:
            self.remote().command(["true"], _LIMIT)
        except RemoteError as error:
            book.end(step, "failed", "after hook %s: %s" % (self.needed("point"), error.message))
            raise
        book.end(step, "ok")
        return {}
