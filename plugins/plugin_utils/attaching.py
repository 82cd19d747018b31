# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host gets a release as its only source. The ledger says which release is meant, where it is published and whose signature counts;
the repository is never asked for that."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Sequence

from ..module_utils.errors import BadInput
from ..module_utils.sources.certificates import authorities
from .book import HostBook
from .ledger.engine import Ledger
from .prepared import raise_if_failed
from .releasing.resolve import Published, published
from .remote import Remote
from .settings import Settings

MODULE = "fleetops.patchtrain.software_source"


def attach(remote: Remote, settings: Settings, release: Published, passthrough: Optional[Sequence[str]] = None) -> Dict[str, Any]:
    """The result of the module; raises where the host could not be attached and keeps what it had."""
    beside = settings.patch_passthrough if passthrough is None else list(passthrough)
    return _done(remote, settings, {"state": "attached", "url": release.url, "digest": release.digest, "keys": release.keys, "passthrough": beside})


def detach(remote: Remote, settings: Settings) -> Dict[str, Any]:
    return _done(remote, settings, {"state": "detached"})


def give(ledger: Ledger, remote: Remote, settings: Settings, found: Optional[Mapping[str, Any]]) -> Dict[str, Any]:
    """What the host was once found with: a release, whatever was beside it then, or none."""
    if found is None:
        return detach(remote, settings)
    return attach(remote, settings, published(ledger, found["digest"]), found.get("passthrough", ()))


def attach_in_run(book: HostBook, ledger: Ledger, remote: Remote, settings: Settings, digest: Optional[str],
                  passthrough: Optional[Sequence[str]] = None) -> Dict[str, Any]:
    """The same as a recorded step, with what the host had before, for a rollback; a digest None detaches."""
    with book.step("attach", undo=None) as step:
        if digest is None:
            result = detach(remote, settings)
        else:
            result = attach(remote, settings, published(ledger, digest), passthrough)
        found, now = result.get("previous"), result.get("attached")
        step.detail = {"previous": _digest(found), "digest": digest, "hidden": len((now or {}).get("hidden", [])), "found": _kept(found), "now": _kept(now)}
    return result


def _digest(document: Optional[Mapping[str, Any]]) -> Optional[str]:
    return str(document["digest"]) if document else None


def _kept(document: Optional[Mapping[str, Any]]) -> Optional[Dict[str, Any]]:
    """As much of it as it takes to give it back."""
    return {"digest": document["digest"], "passthrough": document.get("passthrough", [])} if document else None


def _ca(path: str) -> str:
    """Whoever vouches for the releases' server, as this controller's file has it."""
    if not path:
        return ""
    try:
        return authorities(Path(path).expanduser().read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput("patch_release_ca is %s, which can't be read on the controller: %s" % (path, getattr(error, "strerror", None) or error),
                       name="patch_release_ca") from error
    except BadInput as error:
        raise BadInput("patch_release_ca is %s: %s" % (path, error.message), name="patch_release_ca") from error


def _done(remote: Remote, settings: Settings, args: Dict[str, Any]) -> Dict[str, Any]:
    if args["state"] == "attached":
        args = dict(args, package_gpgcheck=settings.patch_package_gpgcheck, ca=_ca(settings.patch_release_ca))
    args = dict(args, manager=settings.patch_package_manager, refresh_timeout=settings.patch_refresh_timeout)
    result = remote.module(MODULE, args, settings.patch_prepare_timeout)
    raise_if_failed(result)
    return result
