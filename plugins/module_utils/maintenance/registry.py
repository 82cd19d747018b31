# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""The drivers there are. Imports are static: what is shipped to a host is found by reading them."""

from __future__ import annotations

from typing import Any, Dict, Mapping

from ..errors import BadInput
from . import command, haproxy, libvirt, pacemaker, slurm
from .driver import Context, Driver, Kind
from ..options import checked

DRIVERS: Dict[str, Kind] = {
    "command": command.KIND,
    "haproxy": haproxy.KIND,
    "libvirt": libvirt.KIND,
    "pacemaker": pacemaker.KIND,
    "slurm": slurm.KIND,
}


def make(driver: str, host: str, options: Mapping[str, Any], context: Context) -> Driver:
    """The driver for ``host``, its options checked; ``BadInput`` says in one line what is wrong with them."""
    if driver not in DRIVERS:
        raise BadInput("there is no driver %r; there are: %s" % (driver, ", ".join(sorted(DRIVERS))), driver=driver)
    kind = DRIVERS[driver]
    return kind.build(host, checked("driver " + driver, kind.options, options), context)
