# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""The failures that host-side code raises, each with its data.

PatchtrainError
├── BadInput             an argument is wrong: says what, where, and what to do
├── HostUnsupported      the host is of a kind that is not patched this way (image based, no known manager)
├── ToolMissing          a program that is needed is not there, or can't be run
├── NotReadable          a file is not for this user to read
├── CommandFailed        a program ended with a return code that means failure
├── CommandTimeout       a program did not end within its limit
├── ParseFailed          a program printed something that is not understood
├── LockTimeout          another process kept the package manager's lock
├── NotEnoughSpace       a file system is too full, by name
├── TransactionInterrupted  an earlier transaction was cut and could not be repaired
├── TransactionDiffers   what would be installed is not what was recorded
├── TransactionImpossible  the package manager can't do what is asked, with its reason
├── JobLost              a transaction began and nobody knows how it ended
├── JobStopped           a job was asked to stop before it changed anything
└── MaintenanceFailed    a driver could not enter, verify or leave
    └── CannotMove       a host's work can't go elsewhere: the host is blocked, and as it was found

Every message is one line that can be shown to a person; ``data`` goes into results and ledger.
"""

from __future__ import annotations

from typing import Any, Dict, Sequence


class PatchtrainError(Exception):
    """Base of all failures; ``data`` is JSON-serialisable and part of the result."""

    def __init__(self, message: str, **data: Any) -> None:
        super().__init__(message)
        self.message = message
        self.data: Dict[str, Any] = data

    @property
    def kind(self) -> str:
        """The name by which results and ledger know this failure, for example ``CommandTimeout``."""
        return type(self).__name__

    def as_result(self) -> Dict[str, Any]:
        """Keyword arguments for a failed module result."""
        return {"msg": self.message, "error": dict(self.data, kind=self.kind)}


class BadInput(PatchtrainError):
    pass


class HostUnsupported(PatchtrainError):
    pass


class ToolMissing(PatchtrainError):
    pass


class NotReadable(PatchtrainError):
    pass


class _CommandError(PatchtrainError):
    def __init__(self, message: str, argv: Sequence[str], **data: Any) -> None:
        super().__init__(message, argv=list(argv), **data)


class CommandFailed(_CommandError):
    pass


class CommandTimeout(_CommandError):
    pass


class ParseFailed(PatchtrainError):
    pass


class LockTimeout(PatchtrainError):
    pass


class NotEnoughSpace(PatchtrainError):
    pass


class TransactionInterrupted(PatchtrainError):
    pass


class TransactionDiffers(PatchtrainError):
    pass


class TransactionImpossible(PatchtrainError):
    pass


class JobLost(PatchtrainError):
    pass


class JobStopped(PatchtrainError):
    pass


class MaintenanceFailed(PatchtrainError):
    pass


class FoundOtherwise(MaintenanceFailed):
    """The host is not as it was seen before; ``prior_state`` is how it is. Nothing was touched."""


class CannotMove(MaintenanceFailed):
    """``blocked`` says that the host is to be left alone by this run; the message says which work, and why it can't move."""

    def __init__(self, message: str, **data: Any) -> None:
        super().__init__(message, **dict(data, blocked=True))
