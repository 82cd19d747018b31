# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases by name and digest, and where they are published. A release is never changed; its name is never given to another one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...module_utils.release.manifest import digest as digest_of
from . import events, schema
from ._sqlalchemy import sa
from .errors import NotAllowed, NotPublished, ReleaseTaken, ReleaseUnknown
from .rows import Data, Publication, Release, read

_t = schema.releases
_p = schema.publications
_COLUMNS = (_t.c.id, _t.c.name, _t.c.digest, _t.c.parent, _t.c.provenance, _t.c.captured_at, _t.c.actor, _t.c.approved_at, _t.c.approver, _t.c.evidence)
"""All but the manifest, which is big."""


def add(c: sa.Connection, name: str, manifest: Mapping[str, Any], provenance: Data, actor: str, evidence: str = "",
        at: float | None = None) -> tuple[Release, bool]:
    """The release, and whether it is new. The same name with the same content is the same release; with another one, ``ReleaseTaken``."""
    digest = digest_of(manifest)
    known = find(c, name)
    if known is not None:
        return _same(known, digest), False
    c.execute(sa.insert(_t).values(name=name, digest=digest, parent=manifest.get("parent"), manifest=dict(manifest), provenance=provenance,
                                   captured_at=events.stamp(at), actor=actor, approved_at=None, approver="", evidence=evidence))
    events.append(c, "release_captured", name, actor=actor, detail={"digest": digest, "provenance": provenance}, at=at)
    return get(c, name), True


def _same(known: Release, digest: str) -> Release:
    if known.digest != digest:
        raise ReleaseTaken("the release %s is %s, captured by %s, and the content now is %s: choose another name"
                           % (known.name, known.digest[:12], known.actor, digest[:12]), name=known.name, digest=known.digest)
    return known


def find(c: sa.Connection, name: str) -> Release | None:
    row = c.execute(sa.select(*_COLUMNS).where(_t.c.name == name)).one_or_none()
    return None if row is None else read(Release, row)


def get(c: sa.Connection, name: str) -> Release:
    found = find(c, name)
    if found is None:
        names = [item.name for item in recent(c, 5)]
        raise ReleaseUnknown("there is no release %s%s" % (name, "; the latest are %s" % ", ".join(names) if names else ": none was captured yet"), name=name)
    return found


def by_digest(c: sa.Connection, digest: str) -> list[Release]:
    """All names of a content, the oldest first."""
    return [read(Release, row) for row in c.execute(sa.select(*_COLUMNS).where(_t.c.digest == digest).order_by(_t.c.id))]


def recent(c: sa.Connection, limit: int = 20) -> list[Release]:
    """The latest first."""
    return [read(Release, row) for row in c.execute(sa.select(*_COLUMNS).order_by(_t.c.id.desc()).limit(limit))]


def manifest(c: sa.Connection, digest: str) -> Data:
    """The content, checked against its digest."""
    found = c.execute(sa.select(_t.c.manifest).where(_t.c.digest == digest).limit(1)).scalar_one_or_none()
    if found is None:
        raise ReleaseUnknown("there is no release with the digest %s" % digest, digest=digest)
    document: Data = found
    if digest_of(document) != digest:
        raise NotAllowed("the manifest of %s in the ledger was changed: it has the digest %s" % (digest, digest_of(document)), digest=digest)
    return document


def approve(c: sa.Connection, name: str, approver: str, evidence: str, at: float | None = None) -> tuple[Release, bool]:
    """The release, and whether it was a candidate until now."""
    known = get(c, name)
    if known.approved_at is not None:
        return known, False
    c.execute(sa.update(_t).where(_t.c.id == known.id).values(
        approved_at=events.stamp(at), approver=approver, evidence=evidence or known.evidence))
    events.append(c, "release_approved", name, actor=approver, detail={"digest": known.digest, "evidence": evidence or known.evidence}, at=at)
    return get(c, name), True


# --- where they are published ---------------------------------------------------------------------------------------------


def publish(c: sa.Connection, digest: str, host: str, root: str, url: str, keys: list[str], files_digest: str, actor: str, at: float | None = None) -> bool:
    """Note where hosts reach a release, and whose signatures count there; whether that is new."""
    wanted = {"host": host, "root": root, "url": url, "keys": keys, "files_digest": files_digest}
    known = publication(c, digest)
    if known is not None and all(getattr(known, key) == value for key, value in wanted.items()):
        return False
    remove_publication(c, digest, actor, at)
    c.execute(sa.insert(_p).values(digest=digest, at=events.stamp(at), actor=actor, removed_at=None, **wanted))
    events.append(c, "release_published", digest, actor=actor, detail={"host": host, "root": root, "url": url}, at=at)
    return True


def publication(c: sa.Connection, digest: str) -> Publication | None:
    """Where a release can be had now."""
    query = sa.select(_p).where(_p.c.digest == digest, _p.c.removed_at.is_(None)).order_by(_p.c.id.desc()).limit(1)
    row = c.execute(query).one_or_none()
    return None if row is None else read(Publication, row)


def needed_publication(c: sa.Connection, digest: str) -> Publication:
    found = publication(c, digest)
    if found is None:
        names = [item.name for item in by_digest(c, digest)]
        raise NotPublished("the release %s is not published: hosts can't get its packages" % (names[0] if names else digest), digest=digest)
    return found


def set_keys(c: sa.Connection, host: str, keys: list[str]) -> int:
    """After a rotation: all that a repository host has is signed by these now; how many releases."""
    result = c.execute(sa.update(_p).where(_p.c.host == host, _p.c.removed_at.is_(None)).values(keys=keys))
    return int(result.rowcount)


def remove_publication(c: sa.Connection, digest: str, actor: str, at: float | None = None, reason: str = "", needed: Sequence[str] = ()) -> None:
    """``needed`` is what spoke against it, and ``reason`` why it was done all the same."""
    query = sa.update(_p).where(_p.c.digest == digest, _p.c.removed_at.is_(None))
    if c.execute(query.values(removed_at=events.stamp(at))).rowcount:
        events.append(c, "release_removed", digest, actor=actor, detail={"forced": bool(needed), "reason": reason, "needed": list(needed)}, at=at)
