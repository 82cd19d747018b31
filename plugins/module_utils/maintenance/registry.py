# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""The drivers there are. Each is imported when it is asked for: a program that is started while a host is out of service has no time for the others.
The imports are spelled out, because what is shipped to a host is found by reading them."""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping

from ..errors import BadInput
from .driver import Context, Driver, Kind
from ..options import checked


def _command() -> Kind:
    from .command import KIND
    return KIND


def _haproxy() -> Kind:
    from .haproxy import KIND
    return KIND


def _libvirt() -> Kind:
    from .libvirt import KIND
    return KIND


def _pacemaker() -> Kind:
    from .pacemaker import KIND
    return KIND


def _slurm() -> Kind:
    from .slurm import KIND
    return KIND


DRIVERS: Dict[str, Callable[[], Kind]] = {
    "command": _command,
    "haproxy": _haproxy,
    "libvirt": _libvirt,
    "pacemaker": _pacemaker,
    "slurm": _slurm,
}


def kind_of(driver: str) -> Kind:
    """``BadInput`` names the drivers that there are."""
    if driver not in DRIVERS:
        raise BadInput("there is no driver %r; there are: %s" % (driver, ", ".join(sorted(DRIVERS))), driver=driver)
    return DRIVERS[driver]()


def make(driver: str, host: str, options: Mapping[str, Any], context: Context) -> Driver:
    """The driver for ``host``, its options checked; ``BadInput`` says in one line what is wrong with them."""
    kind = kind_of(driver)
    return kind.build(host, checked("driver " + driver, kind.options, options), context)
