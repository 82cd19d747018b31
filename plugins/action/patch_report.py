# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of a run or of the latest assessments. Documented in the module of the same name."""

from __future__ import annotations

from typing import Any, Dict

from ..plugin_utils import closing
from ..plugin_utils.action import PatchtrainAction
from ..plugin_utils.book import open_ledger
from ..plugin_utils.play import play_targets


class ActionModule(PatchtrainAction):
    def act(self) -> Dict[str, Any]:
        settings = self.settings()
        ledger = open_ledger(settings.patch_ledger)
        run = str(self.argument("run_id") or "")
        if run:
            written = closing.report_run(ledger, run, settings, self.columns)
        else:
            written = closing.report_assessments(ledger, play_targets(self.variables), settings, self.argument("directory"), self.columns)
        self._display.display(written["text"])
        return {"report": written["report"], "summary": written["summary"], "msg": written["report"]["html"]}
