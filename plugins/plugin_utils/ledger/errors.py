# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The failures of the ledger.

PatchtrainError
└── LedgerError
    ├── LedgerMissing      SQLAlchemy, or the database's driver, is not installed
    ├── LedgerUnavailable  the database can't be reached or written
    │   └── LedgerBusy     others kept it locked for longer than the limit
    ├── LedgerUnsafe       it would stand where it can be damaged or lost: a network file system, memory
    ├── LedgerForeign      what stands there is not a ledger
    ├── LedgerNewer        it was written by a newer version of this collection; it is not touched
    ├── RunUnknown         no run of this name
    ├── RunInUse           another controller process works, or worked, on an unfinished run of this name
    ├── RunFinished        the run of this name has ended; a finished run is never resumed
    ├── HostUnknown        the host is not a target of the run
    ├── ReleaseUnknown     no release of this name or digest, or a stage that points to none
    ├── ReleaseTaken       the name is another release's
    ├── NotPublished       the release is not on any repository host
    └── NotAllowed         a change that the states, or the history, do not allow
"""

from __future__ import annotations

from ...module_utils.errors import PatchtrainError


class LedgerError(PatchtrainError):
    pass


class LedgerMissing(LedgerError):
    pass


class LedgerUnavailable(LedgerError):
    pass


class LedgerBusy(LedgerUnavailable):
    pass


class LedgerUnsafe(LedgerError):
    pass


class LedgerForeign(LedgerError):
    pass


class LedgerNewer(LedgerError):
    pass


class RunUnknown(LedgerError):
    pass


class RunInUse(LedgerError):
    pass


class RunFinished(LedgerError):
    pass


class HostUnknown(LedgerError):
    pass


class ReleaseUnknown(LedgerError):
    pass


class ReleaseTaken(LedgerError):
    pass


class NotPublished(LedgerError):
    pass


class NotAllowed(LedgerError):
    pass
