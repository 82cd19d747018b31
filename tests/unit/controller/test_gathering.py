# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which golden host provides what of a release, before anything is downloaded."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence, Tuple

import pytest
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.releasing.gather import PackagesMissing, Share, shares
from hypothesis import given
from hypothesis import strategies as st


def package(name: str) -> Dict[str, str]:
    return {"name": name, "arch": "noarch", "version": "1"}


class Golden:
    """A host that has some packages and describes some streams; remembers what it was asked for."""

    def __init__(self, packages: Sequence[str] = (), streams: Sequence[str] = ()) -> None:
        self.packages, self.streams = packages, streams
        self.asked: List[Tuple[List[str], List[str]]] = []

    def module(self, name: str, args: Dict[str, Any], seconds: float, check: bool = False) -> Dict[str, Any]:
        assert name == "fleetops.patchtrain.package_download" and check
        self.asked.append(([one["name"] for one in args["packages"]], list(args["streams"])))
        return {"missing": [dict(one, reason="gone") for one in args["packages"] if one["name"] not in self.packages],
                "missing_streams": [{"stream": one, "reason": "unheard of"} for one in args["streams"] if one not in self.streams]}


def found(hosts: Dict[str, Golden], packages: Sequence[str], streams: Sequence[str]) -> List[Share]:
    return shares(hosts.__getitem__, list(hosts), [package(name) for name in packages], streams, 1.0)  # type: ignore[arg-type]


def test_each_host_is_asked_for_what_is_left() -> None:
    hosts = {"one": Golden(["a"], ["m:1"]), "two": Golden(["a", "b"], ["m:1", "n:2"]), "three": Golden(["a"])}
    assert found(hosts, ["a", "b"], ["m:1", "n:2"]) == [Share("one", (package("a"),), ("m:1",)), Share("two", (package("b"),), ("n:2",))]
    assert [host.asked for host in hosts.values()] == [[(["a", "b"], ["m:1", "n:2"])], [(["b"], ["n:2"])], []]


def test_a_stream_alone_is_reason_enough_to_ask() -> None:
    assert found({"one": Golden([], ["m:1"])}, [], ["m:1"]) == [Share("one", (), ("m:1",))]
    assert found({"one": Golden()}, [], []) == []


@pytest.mark.parametrize(("packages", "streams", "said"), [
    (["a"], ["m:1"], r"1 package of the release nowhere to be had any more: a 1 \(gone\)"),
    ([], ["m:1"], r"module streams of the release that no golden host can describe.*: m:1 \(unheard of\)")])
def test_what_nobody_has_is_named(packages: List[str], streams: List[str], said: str) -> None:
    with pytest.raises(PackagesMissing, match=said):
        found({"one": Golden()}, packages, streams)
    with pytest.raises(PackagesMissing, match="no golden host to ask"):
        found({}, packages, streams)


NAMES = st.sets(st.sampled_from(["a", "b", "c"]))


@given(st.lists(st.tuples(NAMES, NAMES), max_size=4), NAMES, NAMES)
def test_everything_comes_once_or_nothing_does(has: List[Tuple[Any, Any]], packages: Any, streams: Any) -> None:
    hosts = {str(number): Golden(sorted(own), sorted(told)) for number, (own, told) in enumerate(has)}
    everything = packages <= set().union(*(own for own, _told in has)) and streams <= set().union(*(told for _own, told in has))
    if not everything:
        with pytest.raises(PackagesMissing):
            found(hosts, sorted(packages), sorted(streams))
        return
    parts = found(hosts, sorted(packages), sorted(streams))
    assert sorted(one["name"] for share in parts for one in share.packages) == sorted(packages)
    assert sorted(stream for share in parts for stream in share.streams) == sorted(streams)
