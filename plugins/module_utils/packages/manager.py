# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""What every package manager can do for us. One folder each: ``load`` (raw text through the runner), ``parse`` (pure),
``apply`` (changes the host); ``manager.py`` in the folder wires them into this protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, Dict, List, Mapping, Optional, Protocol, Sequence, Tuple

from .records import Came, Package, Reboot, Record, Selection, Transaction, Update, Wanted


@dataclass(frozen=True)
class Source(Record):
    """A package source the host is configured with. ``id`` is what ``Package.source`` names; ``trusted`` whether
    signatures are checked; ``advisories`` whether it says which updates are security; ``usable`` whether the manager has its
    metadata and accepts it."""

    id: str
    uri: str
    enabled: bool
    trusted: bool
    advisories: bool
    usable: bool = True


@dataclass(frozen=True)
class Rules:
    """How apt's sources are classified: globs over ``origin:archive`` and ``label:codename`` of a release file, for
    example ``Debian-Security:*`` or ``Ubuntu:*-security``. ``known`` are origins whose other updates are ``other``."""

    security: Tuple[str, ...]
    known: Tuple[str, ...]


DEFAULT_RULES = Rules(
    security=("Debian-Security:*", "Ubuntu:*-security", "UbuntuESM*:*-security"),
    known=("Debian", "Debian Backports", "Ubuntu", "UbuntuESM*"))


class PackageManager(Protocol):
    """All methods raise ``PatchtrainError`` kinds only. Limits are seconds. Nothing but ``refresh``, ``repair``,
    ``download``, ``apply`` and ``restore_reasons`` changes the host."""

    name: str

    def arch(self) -> str: ...

    def refresh(self, limit: float) -> None:
        """Fetch the sources' metadata; a source that can't be fetched is a failure that names it."""

    def metadata_age(self) -> Optional[float]:
        """Seconds since the metadata was fetched; None where it never was."""

    def installed(self, sources: bool = True) -> List[Package]:
        """Each with the reason for which it is there, and the id of its source; without ``sources`` that is empty, and nobody is asked for it, which
        takes some managers seconds."""

    def versions(self) -> List[Package]:
        """The same, with neither reasons nor sources."""

    def holds(self) -> List[str]: ...
    def streams(self) -> List[str]: ...
    def sources(self) -> List[Source]: ...

    def updates(self, rules: Rules, selection: Selection) -> List[Update]:
        """Every pending update, held ones included, classified. With ``security_level`` ``minimal`` a security update's
        candidate is the lowest version with the fix."""

    def feeders(self, packages: Sequence[Package]) -> Dict[Tuple[str, str], str]:
        """By name and arch, the id of a source that offers any version of a package; what nobody offers is left out."""

    def successors(self, packages: Sequence[Package]) -> Dict[Tuple[str, str], Tuple[Wanted, ...]]:
        """By name and arch, what is offered under another name and takes a package's place whenever everything is updated."""

    def predecessors(self, packages: Sequence[Package]) -> Dict[Tuple[str, str], Tuple[str, ...]]:
        """By name and arch, the names whose place these installed packages say that they took; who took none is left out."""

    def history(self, packages: Sequence[Package], rules: Rules) -> Dict[Package, List[Came]]:
        """What each of these, and the versions before it that its sources know, came as, oldest first; what no source knows has nothing."""

    def simulate(self, wanted: Sequence[Wanted], selection: Selection) -> Transaction:
        """What installing exactly these would do, dependencies included, from the metadata on the host."""

    def download(self, wanted: Sequence[Wanted], selection: Selection, limit: float) -> None:
        """Fetch what ``simulate`` named into the manager's cache, so that ``apply`` needs no network."""

    def apply(self, wanted: Sequence[Wanted], selection: Selection, limit: float, log: IO[str],
              keep_config: bool = True) -> None:
        """Do it, never interactively, output to ``log``. A tool's failure raises ``CommandFailed``; what really happened is
        for the caller to look up with ``installed``, but for scripts that failed and are not run again: the failure's data has them
        as ``scripts``, reasons by package. The tool is never killed: passing ``limit`` raises ``CommandTimeout`` only
        before it has begun to change packages."""

    def interrupted(self) -> Optional[str]:
        """One line on a transaction that was cut, None where all is whole."""

    def repair(self, limit: float, log: IO[str]) -> None:
        """Finish or undo it; ``TransactionInterrupted`` where that fails."""

    def wait_for_lock(self, limit: float) -> None:
        """Wait until nobody holds the manager's locks; ``LockTimeout`` names the process."""

    def restore_reasons(self, before: Sequence[Package]) -> List[str]:
        """Set install reasons to what they are in ``before``; what is not in there is a new dependency. Names what was set."""

    def reboot(self) -> Reboot:
        """What the distribution's own tools say. Kernels and libraries are looked at elsewhere."""

    def updater_units(self) -> List[str]:
        """systemd services by which the host would update itself (apt-daily.service, dnf-automatic.service, ...)."""

    def leftover_config(self) -> List[str]:
        """Configuration files that an update left beside (.dpkg-dist, .rpmnew, ...)."""

    def cache_paths(self) -> List[str]:
        """Directories whose file systems need space for downloads."""

    def environment(self) -> Mapping[str, str]:
        """Variables that keep the tool from asking."""
