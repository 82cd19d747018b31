# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Give a host a release as its only source, or give it back what it had. Documented in the module of the same name."""

from __future__ import annotations

from typing import Any, Dict

from ..module_utils.errors import BadInput
from ..plugin_utils import attaching
from ..plugin_utils.action import PatchtrainAction
from ..plugin_utils.book import open_ledger
from ..plugin_utils.play import actor
from ..plugin_utils.prepared import raise_if_failed
from ..plugin_utils.releasing.resolve import note, published, resolve


class ActionModule(PatchtrainAction):
    def act(self) -> Dict[str, Any]:
        settings = self.settings()
        if self.argument("release") == "" and not self.argument("url") and self.argument("state", "attached") == "attached":
            raise BadInput("which release? give its name, or stage:NAME: release of software_source, release_name of the playbook attach")
        if not self.argument("release") and self.argument("state", "attached") == "attached":
            return self._plain(settings.patch_prepare_timeout)
        ledger = open_ledger(settings.patch_ledger)
        if self.argument("state", "attached") == "detached":
            result = attaching.detach(self.remote(), settings)
        else:
            release = resolve(ledger, self.needed("release"))
            result = attaching.attach(self.remote(), settings, published(ledger, release.digest))
            result.update(release=release.name)
        if result.get("changed") and not self.checking:
            note(ledger, self.host, result, actor(self.variables))
        return result

    def _plain(self, seconds: float) -> Dict[str, Any]:
        """With address, digest and keys given, as the module takes them: no ledger is asked."""
        result = self.remote().module(attaching.MODULE, dict(self._task.args), seconds)
        raise_if_failed(result)
        return result
