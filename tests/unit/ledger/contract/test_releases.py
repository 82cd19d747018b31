# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases, where they are published, stages, and what upstream has since."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from ansible_collections.fleetops.patchtrain.plugins.module_utils.release.manifest import digest
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger import events, releases, schema, stages, upstream
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger.engine import Ledger
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger.errors import NotAllowed, NotPublished, ReleaseTaken, ReleaseUnknown


def content(version: str = "1") -> dict[str, Any]:
    package = {"name": "a", "arch": "all", "version": version, "reason": "manual", "updates": []}
    return {"format": 1, "parent": None, "exclude": [], "platforms": {"debian-12-amd64-apt": {"packages": [package], "kernel": None, "streams": []}}}


def add(ledger: Ledger, name: str, version: str = "1") -> Any:
    with ledger.write() as c:
        return releases.add(c, name, content(version), {"golden": {"debian-12-amd64-apt": ["g1"]}}, "alice@x", "report 7")[0]


def test_the_same_content_is_the_same_release_and_another_is_refused(ledger: Ledger) -> None:
    first = add(ledger, "gl-1")
    with ledger.write() as c:
        again, new = releases.add(c, "gl-1", content(), {"golden": {}}, "bob@x")
    assert (again, new) == (first, False) and first.digest == digest(content())
    with pytest.raises(ReleaseTaken, match="gl-1 is %s, captured by alice@x" % first.digest[:12]):
        add(ledger, "gl-1", "2")
    with ledger.read() as c:
        assert releases.get(c, "gl-1") == first and releases.manifest(c, first.digest) == content()


def test_a_name_that_nobody_has_is_told_with_those_there_are(ledger: Ledger) -> None:
    with ledger.read() as c, pytest.raises(ReleaseUnknown, match="no release gl-9: none was captured yet"):
        releases.get(c, "gl-9")
    add(ledger, "gl-1")
    with ledger.read() as c, pytest.raises(ReleaseUnknown, match="no release gl-9; the latest are gl-1"):
        releases.get(c, "gl-9")


def test_a_manifest_that_was_changed_in_the_database_is_noticed(ledger: Ledger) -> None:
    release = add(ledger, "gl-1")
    with ledger.write() as c:
        c.execute(sa.update(schema.releases).values(manifest=content("666")))
    with ledger.read() as c, pytest.raises(NotAllowed, match="was changed"):
        releases.manifest(c, release.digest)


def test_a_release_is_a_candidate_until_it_is_approved_once(ledger: Ledger) -> None:
    assert add(ledger, "gl-1").approved_at is None
    with ledger.write() as c:
        approved, new = releases.approve(c, "gl-1", "carol", "", at=5.0)
        again, later = releases.approve(c, "gl-1", "dave", "other", at=6.0)
    assert new and (approved.approved_at, approved.approver, approved.evidence) == (5.0, "carol", "report 7")
    assert not later and again == approved


def test_where_it_is_published(ledger: Ledger) -> None:
    release = add(ledger, "gl-1")
    with ledger.read() as c, pytest.raises(NotPublished, match="gl-1 is not published"):
        releases.needed_publication(c, release.digest)
    place = (release.digest, "repo1", "/srv/p", "http://repo1/p", ["KEY"], "f" * 64, "alice")
    with ledger.write() as c:
        assert releases.publish(c, *place) and not releases.publish(c, *place)
        assert releases.set_keys(c, "repo1", ["KEY", "NEW"]) == 1
    with ledger.read() as c:
        assert releases.needed_publication(c, release.digest).keys == ["KEY", "NEW"]
    with ledger.write() as c:
        releases.remove_publication(c, release.digest, "alice", reason="a secret is in it", needed=["stage prod points to it"])
    with ledger.read() as c:
        assert c.execute(sa.select(schema.events.c.detail).where(schema.events.c.action == "release_removed")).scalar_one() == {
            "forced": True, "reason": "a secret is in it", "needed": ["stage prod points to it"]}
        assert releases.publication(c, release.digest) is None


def test_a_stage_is_its_last_move_and_can_be_put_back(ledger: Ledger) -> None:
    one, two = add(ledger, "gl-1"), add(ledger, "gl-2", "2")
    with ledger.read() as c, pytest.raises(ReleaseUnknown, match="no release was promoted to the stage prod"):
        stages.release_of(c, "prod")
    with ledger.write() as c:
        assert stages.move(c, "prod", one, "alice") and not stages.move(c, "prod", one, "alice")
        with pytest.raises(NotAllowed, match="had no other release before gl-1"):
            stages.before(c, "prod")
        assert stages.move(c, "prod", two, "bob", forced=True, reason="CVE")
        assert stages.pointing_to(c, two.digest) == ["prod"] and stages.pointing_to(c, one.digest) == []
        assert stages.before(c, "prod") == one
        stages.move(c, "prod", stages.before(c, "prod"), "bob", reason="broken")
    with ledger.read() as c:
        assert [(m.release, m.previous, m.actor, m.forced, m.reason) for m in stages.moves(c, "prod")] == [
            ("gl-1", "gl-2", "bob", False, "broken"), ("gl-2", "gl-1", "bob", True, "CVE"), ("gl-1", None, "alice", False, "")]
        with pytest.raises(ReleaseUnknown, match="to the stage dev; there are prod"):
            stages.release_of(c, "dev")
        assert events.count(c) == 2 + 3


def test_the_last_answer_of_upstream_counts(ledger: Ledger) -> None:
    with ledger.write() as c:
        for at, number in ((1.0, 1), (2.0, 3)):
            upstream.record(c, "a" * 64, {"counts": {"security": number}}, at)
        upstream.record(c, "b" * 64, {"counts": {}}, 1.0)
    with ledger.read() as c:
        found = upstream.latest(c, ["a" * 64, "c" * 64])
    assert list(found) == ["a" * 64] and found["a" * 64].document == {"counts": {"security": 3}} and found["a" * 64].at == 2.0
