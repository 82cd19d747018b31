# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What others do to stages and releases between a task's look at them and its own move counts."""

from __future__ import annotations

from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, Callable, Iterator

import pytest

from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger import releases, stages
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger.errors import NotPublished
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.releasing import keeping, staging
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.releasing.order import Order, checked
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.settings import Settings


class Raced:
    """A ledger in which others write just before its first writer."""

    def __init__(self, ledger: Any, others: Callable[[Any], Any]) -> None:
        self._ledger, self._others = ledger, [others]
        self.read = ledger.read

    @contextmanager
    def write(self) -> Iterator[Any]:
        while self._others:
            with self._ledger.write() as c:
                self._others.pop()(c)
        with self._ledger.write() as c:
            yield c


@pytest.fixture
def two(desk: Any) -> Any:
    """Releases ``a`` and ``b`` are published and approved; ``test`` has had both, and has ``b``."""
    with desk.ledger.write() as c:
        for name in ("a", "b"):
            manifest = {"format": 1, "parent": None, "exclude": [name], "platforms": {}}
            releases.add(c, name, manifest, {}, "alice")
            release = releases.approve(c, name, "bob", "")[0]
            releases.publish(c, release.digest, "repo1", "/srv", "http://repo1", [], "d", "alice")
            stages.move(c, "test", release, "alice")
    return desk


def order(ledger: Any, reach: Any = None, **args: Any) -> Order:
    given = checked(dict({"repository": {"host": "repo1"}}, **args))
    return Order(ledger, reach, lambda host: Settings.from_variables({}, host), "carol", False, [], given)


def current(desk: Any, stage: str) -> Any:
    with desk.ledger.read() as c:
        found = stages.current(c, stage)
        return found and found.release


def removed(name: str) -> Callable[[Any], None]:
    return lambda c: releases.remove_publication(c, releases.get(c, name).digest, "dave")


def test_a_stage_is_not_moved_past_the_one_before_it_that_was_moved_meanwhile(two: Any) -> None:
    raced = Raced(two.ledger, lambda c: stages.move(c, "test", releases.get(c, "a"), "dave"))
    with pytest.raises(staging.NotPromoted, match="the stage before it, test, has a"):
        staging.promoted(order(raced, state="promoted", name="b", stage="prod", stages=["test", "prod"]))
    assert current(two, "prod") is None


def test_nor_onto_a_release_that_was_deleted_meanwhile(two: Any) -> None:
    with pytest.raises(NotPublished):
        staging.promoted(order(Raced(two.ledger, removed("b")), state="promoted", name="b", stage="prod", stages=["test", "prod"]))
    with pytest.raises(NotPublished):
        staging.put_back(order(Raced(two.ledger, removed("a")), state="put_back", stage="test", reason="b is bad"))
    assert current(two, "test") == "b"


def test_a_release_that_a_stage_was_moved_to_meanwhile_is_not_deleted(two: Any) -> None:
    raced = Raced(two.ledger, lambda c: stages.move(c, "prod", releases.get(c, "a"), "dave"))
    with pytest.raises(keeping.StillNeeded, match="stage prod points to it"):
        keeping.deleted(order(raced, state="deleted", name="a"))


def test_a_release_that_is_being_deleted_can_not_be_promoted_any_more(two: Any) -> None:
    def module(*_any: Any) -> Any:
        with pytest.raises(NotPublished):
            staging.put_back(order(two.ledger, state="put_back", stage="test", reason="b is bad"))
        return {"changed": True}

    assert keeping.deleted(order(two.ledger, lambda host: SimpleNamespace(module=module), state="deleted", name="a"))["changed"]
