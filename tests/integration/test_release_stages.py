# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stages of a release: in order, approved, by a gate that an absent host does not open; who breaks a rule says why."""

from __future__ import annotations

import re

import pytest
from lab_fleet import Played
from lab_release import V2, ReleaseFleet, set_upstream, update_golden
from release_looks import offered
from release_train import STAGES, Train

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

REASON = "CVE-2026-90002 is exploited"


def promote(ours: Train, name: str, stage: str, fails: str = "", **variables: object) -> Played:
    return ours.do("promote", fails=fails, release_name=name, release_stage=stage, release_stages=STAGES, **variables)


def listed(ours: Train) -> str:
    """All that a verbose listing says, on one line."""
    return re.sub(r"\s+", " ", ours.do("releases", "-v").text)


def gate(*hosts: str, hours: float = 0, max_age: float = 3600) -> dict[str, object]:
    return {"release_gate": True, "release_gate_hosts": list(hosts), "release_gate_hours": hours, "release_gate_max_age": max_age}


def test_stages_are_gone_through_in_order_or_with_a_reason(releases: ReleaseFleet) -> None:
    ours = Train(releases)
    ours.capture("gl-1")
    promote(ours, "gl-1", "dev", fails="is not published")
    ours.publish("gl-1")
    promote(ours, "gl-1", "dev")
    # A candidate is tested in the first stage, and goes no further.
    refused = promote(ours, "gl-1", "prod", fails="it is a candidate")
    assert "the stage before it, test, has no release" in " ".join(refused.text.split())
    ours.do("approve", release_name="gl-1", release_approver="the board", release_evidence="ticket 4711")
    promote(ours, "gl-1", "prod", fails="the stage before it, test, has no release")
    promote(ours, "gl-1", "prod", fails="force needs a reason", release_force=True)
    promote(ours, "gl-1", "production", fails="production is none of the stages dev, test, prod")
    assert "prod:" not in listed(ours)
    promote(ours, "gl-1", "prod", release_force=True, release_reason=REASON)
    found = listed(ours)
    assert "dev: gl-1, prod: gl-1" in found and REASON in found and "the board" in found and "ticket 4711" in found
    assert found.count("forced: true") == 1 and found.count("forced: false") == 1


@pytest.mark.full
def test_the_gate_names_each_host_in_the_way(releases: ReleaseFleet) -> None:
    ours = Train(releases)
    ours.made("gl-1", "dev")

    def refused(said: str, **wanted: object) -> None:
        promote(ours, "gl-1", "test", fails=said, **wanted)

    refused("an empty stage proves nothing", **gate())
    refused("web1: was never assessed", **gate("web1"))
    ours.do("assess", patch_release="stage:dev")
    refused("web1: is attached to no release", **gate("web1"))
    ours.do("attach", release_name="stage:dev")
    ours.do("assess", patch_release="stage:dev")
    refused("web1: differs from the release in", **gate("web1"))
    ours.patch(patch_release="stage:dev")
    refused("web1: was last assessed", **gate("web1", max_age=0.5))
    refused("web1: has been at the release and healthy for 0.0 h, of 2.0 h", **gate("web1", hours=2))
    refused("web9: was never assessed", **gate("web1", "web9"))
    # One that vanishes does not count as good because it was.
    releases.lab("stop", "web1")
    ours.do("assess", patch_release="stage:dev")
    refused("web1: could not be assessed: web1 can't be reached", **gate("web1"))
    releases.lab("start", "web1")
    releases.sh("web1", "systemctl is-system-running --wait; true")
    ours.do("assess", patch_release="stage:dev")
    promote(ours, "gl-1", "test", **gate("web1"))
    assert "test: gl-1" in listed(ours)


@pytest.mark.full
def test_what_a_stage_had_before_is_put_back(releases: ReleaseFleet) -> None:
    ours = Train(releases)
    ours.made("gl-1", "dev")
    ours.do("put_back", release_stage="dev", release_reason="it is bad", fails="had no other release before gl-1")
    set_upstream(releases, V2)
    update_golden(releases)
    ours.capture("gl-1", fails="choose another name")
    ours.made("gl-2", "dev", release_parent="gl-1")
    ours.do("put_back", release_stage="dev", fails="needs a reason")
    ours.do("put_back", release_stage="test", release_reason="it is bad", fails="no release was promoted to the stage test")
    ours.do("put_back", release_stage="dev", release_reason="it is bad")
    found = listed(ours)
    assert "dev: gl-1" in found and "it is bad" in found and found.count("previous: gl-2") == 1
    ours.do("attach", release_name="stage:dev")
    assert offered(releases, "web1", "patchlab-web") == {"1.1"}


@pytest.mark.full
def test_names_are_harmless_or_refused(releases: ReleaseFleet) -> None:
    ours = Train(releases)
    for name in ("a/b", "../../etc", "..", ".hidden", "two words", "a\nb", "$(id)", "-e", "stage:prod", "x" * 65, "ümlaut", ""):
        done = releases.play("fleetops.patchtrain.capture", release_name=name)
        said = " ".join(done.text.split())
        assert done.rc != 0 and ("can't be a name" in said or "needs the name of a release" in said or "needs name" in said), (name, done.text[-1500:])
    assert "0 releases" in listed(ours)
    ours.made("gl-1..2_x", "dev")
    promote(ours, "gl-1..2_x", "a/b", fails="can't be a name")
    ours.do("attach", release_name="gl-1..2_x")
    ours.do("attach", release_name="stage:../dev", fails="can't be a name")
    ours.do("attach", release_name="gl-9", fails="there is no release gl-9; the latest are gl-1..2_x")


@pytest.mark.full
def test_what_upstream_has_since_is_asked_on_the_repository_host(releases: ReleaseFleet) -> None:
    ours = Train(releases)
    ours.capture("gl-1")
    ours.publish("gl-1")
    before = releases.sh("repo1", "find /etc/apt /var/lib/apt/lists /var/lib/dpkg/status -type f -print0 | sort -z | xargs -0 sha256sum")
    set_upstream(releases, V2)
    said = ours.do("survey", release_name="gl-1", release_repository=ours.repository).text
    on_golden = ours.do("survey", release_name="gl-1").text
    assert "asked on repo1" in said and "asked on gold-apt" in on_golden
    found = [text.partition("upstream has published since gl-1: ")[2].partition(";")[0] for text in (said, on_golden)]
    assert found[0] == found[1] and "security" in found[0]
    # Its sources are known by now: the golden host need not be there.
    releases.lab("cut", "gold-apt")
    again = ours.do("survey", release_name="gl-1", release_repository=ours.repository, release_golden="localhost").text
    assert "asked on repo1" in again and found[0] in again
    assert releases.sh("repo1", "find /etc/apt /var/lib/apt/lists /var/lib/dpkg/status -type f -print0 | sort -z | xargs -0 sha256sum") == before
