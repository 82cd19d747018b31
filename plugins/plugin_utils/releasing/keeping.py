# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases on the repository host: published, verified, signed anew, deleted."""

from __future__ import annotations

from typing import Any

from ...module_utils.errors import PatchtrainError
from ...module_utils.text import counted
from ..ledger import assessments, releases, stages
from ..ledger.rows import Release
from ..prepared import raise_if_failed
from .gather import REPOSITORY, shortened
from .order import Order, Result
from .publishing import publish


class StillNeeded(PatchtrainError):
    """A stage points to the release, or a host runs it."""


class RepositoryDamaged(PatchtrainError):
    """What is published is not what was."""


def published(order: Order) -> Result:
    release, place = order.release(), order.place(url=True, keys=True)
    with order.ledger.read() as c:
        manifest = releases.manifest(c, release.digest)
        known = releases.publication(c, release.digest)
    if order.checking:
        return _named(release, changed=known is None, msg="%s %s on %s" % (release.name, "would be published" if known is None else "is published", place.host))
    done = publish(order.reach, place, release.digest, manifest, _golden(release))
    with order.ledger.write() as c:
        new = releases.publish(c, release.digest, place.host, place.root, place.url, done["keys"], done["files_digest"], order.actor)
    url = "%s/releases/%s" % (place.url, release.digest)
    return _named(release, changed=bool(new or done.get("changed")), url=url, msg="%s is published on %s: %s" % (release.name, place.host, url))


def _golden(release: Release) -> dict[str, list[str]]:
    """Who may have the packages, by platform."""
    golden: dict[str, list[str]] = release.provenance.get("golden", {})
    return golden


def verified(order: Order) -> Result:
    release = order.release()
    result = _repository(order, state="verified", digest=release.digest)
    problems = list(result["problems"])
    if problems:
        told = (counted(len(problems), "problem"), release.name, order.place().host, shortened(problems, 3))
        raise RepositoryDamaged("%s with %s on %s: %s" % told, problems=problems)
    return _named(release, problems=[], msg="%s is as it was published" % release.name)


def signed(order: Order) -> Result:
    """All releases of the host, because one key ring stands for all."""
    place = order.place(keys=True)
    result = _repository(order, state="signed")
    if not order.checking:
        with order.ledger.write() as c:
            releases.set_keys(c, place.host, list(result["keys"]))
    return {"changed": bool(result.get("changed")), "keys": result["keys"], "msg": "%s signed anew" % counted(len(result["releases"]), "release")}


def deleted(order: Order) -> Result:
    """First nobody can be brought to it any more, then it goes: a stage that moves meanwhile finds it gone. What fails in between is done again."""
    release, place = order.release(), order.place()
    with order.ledger.read() if order.checking else order.ledger.write() as c:
        needed = _needed_by(c, release)
        if needed and not order.excused():
            raise StillNeeded("%s is still needed: %s; move them on first, or give force and a reason (release_force, release_reason)" % (
                release.name, shortened(needed)), needed=needed)
        if not order.checking:
            releases.remove_publication(c, release.digest, order.actor, reason=order.args["reason"], needed=needed)
    result = _repository(order, state="absent", digest=release.digest)
    return _named(release, changed=bool(result.get("changed")), msg="%s is not on %s any more" % (release.name, place.host))


def _needed_by(c: Any, release: Release) -> list[str]:
    found = ["stage %s points to it" % stage for stage in stages.pointing_to(c, release.digest)]
    runs = [host for host, seen in sorted(assessments.latest(c).items()) if seen.document.get("release") == release.digest]
    return found + ["%s runs it" % host for host in runs]


def _repository(order: Order, **more: Any) -> dict[str, Any]:
    place = order.place()
    result = order.reach(place.host).module(REPOSITORY, place.arguments(**more), place.seconds)
    raise_if_failed(result)
    return result


def _named(release: Release, **more: Any) -> Result:
    return dict({"name": release.name, "digest": release.digest, "changed": False}, **more)
