# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""The program that is left at a place from which hosts are taken out of service."""

from __future__ import annotations

import os
import sys
from typing import Dict, Optional, Sequence

from .. import called
from ..errors import PatchtrainError
from ..job.state import DEFAULT_ROOT, State


def main(arguments: Sequence[str]) -> int:
    return called.main(CALLS, arguments)


def _mode() -> called.Call:
    from . import asked

    return called.Call(asked.SPEC, asked.perform)


CALLS: called.Calls = {"maintenance_mode": _mode}


def lay(root: str = DEFAULT_ROOT) -> Optional[Dict[str, str]]:
    """Leave the program here: where it is, and the Python to run it. None where that can't be done: the module itself will be sent then."""
    if os.geteuid() != 0:
        return None
    try:
        return {"program": State(root).keep_program(main), "python": sys.executable}
    except (PatchtrainError, OSError):
        return None
