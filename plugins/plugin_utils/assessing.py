# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A look at a host as ``host_assess`` takes it, by whichever action needs one."""

from __future__ import annotations

from typing import Any, Dict

from ..module_utils.errors import PatchtrainError
from . import calling
from .prepared import raise_if_failed, selection_arguments
from .remote import CannotRun, Lost, Remote
from .settings import Settings

MODULE = "fleetops.patchtrain.host_assess"


def probe(remote: Remote, settings: Settings, stage: str, laid: calling.Laid = None, **more: Any) -> Dict[str, Any]:
    """The result of the module, also where it is a failed one; asked of the program, where one was laid down on the host."""
    args = dict(selection_arguments(settings), stage=stage, refresh=settings.patch_refresh, refresh_timeout=settings.patch_refresh_timeout,
                timeout=settings.patch_prepare_timeout)
    args.update(more)
    # Fetching metadata is what an assessment does, in check mode too; a plan from none would be a lie.
    return calling.ask(remote, laid, MODULE, args, settings.patch_prepare_timeout, check=False if args["stage"] == "assess" else None)


def seen(remote: Remote, settings: Settings, **more: Any) -> Dict[str, Any]:
    """What the host lacks, or why nobody knows."""
    try:
        result = probe(remote, settings, "assess", **more)
        raise_if_failed(result)
    except PatchtrainError as error:
        return {"assessment": not_assessed(error)}
    return result


def not_assessed(error: PatchtrainError) -> Dict[str, Any]:
    kind = "unreachable" if isinstance(error, Lost) else error.data.get("obstacle", "failed") if isinstance(error, CannotRun) else "failed"
    return {"obstacles": [{"kind": kind, "message": error.message}]}
