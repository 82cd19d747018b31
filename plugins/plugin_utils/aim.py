# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run wants of a host, as arguments of ``host_assess``: whatever its sources have, exactly a release, or what it had before
another run. For the latter two the host gets the sources that have these versions first."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ..module_utils.errors import PatchtrainError
from . import attaching
from .book import PUT_BACK, HostBook
from .ledger import packages, runs, steps
from .ledger.engine import Ledger
from .ledger.rows import PackageChange, Step
from .releasing.resolve import published
from .remote import Remote
from .settings import Settings

_DONE = ("installed",)


class NothingToDo(PatchtrainError):
    """The host ends here, in ``state``; with ``moved`` it has other sources than before, so that what is known of it is out of date."""

    def __init__(self, state: str, message: str, moved: bool = False) -> None:
        super().__init__(message)
        self.state = state
        self.moved = moved


def aim(book: HostBook, ledger: Ledger, remote: Remote, settings: Settings) -> Dict[str, Any]:
    """The arguments, once the host's sources fit them. Raises ``NothingToDo``, or what keeps the host from its sources."""
    if settings.patch_rollback:
        return _back(book, ledger, remote, settings)
    if book.release is None:
        return {}
    _attach(book, ledger, remote, settings, book.release)
    return {"release": book.release, "unknown_packages": settings.patch_unknown_packages}


def _attach(book: HostBook, ledger: Ledger, remote: Remote, settings: Settings, digest: Optional[str], beside: Optional[Sequence[str]] = None) -> None:
    """``beside``: what stays visible beside the release; None for what the settings say now."""
    if not remote.checking:
        attaching.attach_in_run(book, ledger, remote, settings, digest, beside)
        return
    would = attaching.attach(remote, settings, published(ledger, digest), beside) if digest else attaching.detach(remote, settings)
    if would.get("changed"):
        raise NothingToDo("waiting", "would get other sources first (release %s); what they bring is planned then" % (digest[:12] if digest else "none"))


def _back(book: HostBook, ledger: Ledger, remote: Remote, settings: Settings) -> Dict[str, Any]:
    with ledger.read() as c:
        run = runs.get(c, settings.patch_rollback)
        done = packages.of_host(c, run.id, book.host)
        walked = steps.all_of(c, run.id, book.host)
    attached = _attached(walked)
    if attached:
        # Also where no package was changed: the host would go on to the release that it is taken back from.
        found = attached[0].get("found") or {}
        _attach(book, ledger, remote, settings, attached[0].get("previous"), found.get("passthrough"))
    wanted = before(done)
    if not wanted:
        raise NothingToDo("up_to_date", "run %s changed no package here" % settings.patch_rollback, moved=bool(attached) and not remote.checking)
    return {"packages": wanted, "allow_downgrade": True}


def _attached(walked: Sequence[Step]) -> List[Mapping[str, Any]]:
    """What a run did to a host's sources and did not put back. One that was gone on with may have put them back, and then have given the host others again."""
    kept: List[Mapping[str, Any]] = []
    for step in (step for step in walked if step.outcome == "ok"):
        if step.step == PUT_BACK:
            kept = []
        elif step.step == "attach" and step.detail:
            kept.append(step.detail)
    return kept


def before(changes: Sequence[PackageChange]) -> List[Dict[str, str]]:
    """The packages that were changed, each at the version that it had before; what was new then has none, and stays."""
    first: Dict[Tuple[str, str], Mapping[str, Any]] = {}
    for change in changes:
        if change.result in _DONE and change.from_version != change.to_version:
            first.setdefault((change.name, change.arch), {"name": change.name, "arch": change.arch, "version": change.from_version})
    return [dict(item) for _place, item in sorted(first.items()) if item["version"]]
