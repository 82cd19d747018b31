# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases as a user makes them: the playbooks, with what a test's lab has for a repository host."""

from __future__ import annotations

from typing import Any

from lab_fleet import Played
from lab_release import GPG_HOME, REPOSITORY, ROOT_FOLDER, ReleaseFleet, repository_url, signing_key

STAGES = ["dev", "test", "prod"]
# The lab's own archive marks its security updates as Debian's does.
PATTERNS = ["Debian:*-security", "Debian-Security:*", "Patchlab:*-security", "Patchlab-Security:*"]


class Train:
    """One test's releases. Every step has to succeed, unless ``fails`` is asked for."""

    def __init__(self, fleet: ReleaseFleet, scheme: str = "http") -> None:
        self.fleet = fleet
        self.scheme = scheme
        self.keys = [signing_key(fleet)]
        fleet.deployment.update(
            patch_hosts="fleet", patch_max_unavailable=1, patch_allow_downgrade=True, patch_security_patterns=PATTERNS, ansible_become=True,
            patch_maintenance="{{ [{'driver': 'haproxy', 'place': 'lb1', 'timeout': 20, 'options': {'backend': 'web', 'min_peers': 0}}] "
                              "if 'web' in group_names or 'new' in group_names else [] }}")

    @property
    def repository(self) -> dict[str, Any]:
        return {"host": REPOSITORY, "root": ROOT_FOLDER, "url": repository_url(self.fleet, self.scheme), "signing_keys": self.keys, "gpg_home": GPG_HOME}

    def do(self, playbook: str, *words: str, fails: str = "", **variables: Any) -> Played:
        done = self.fleet.play("fleetops.patchtrain." + playbook, *words, **variables)
        if fails:
            assert done.rc != 0 and fails in " ".join(done.text.split()), done.text[-3000:]
        else:
            assert done.rc == 0, done.text[-4000:]
        return done

    def capture(self, name: str, **variables: Any) -> Played:
        return self.do("capture", release_name=name, **variables)

    def publish(self, name: str, **variables: Any) -> Played:
        return self.do("publish", release_name=name, release_repository=self.repository, **variables)

    def promote(self, name: str, *stages: str) -> None:
        self.do("approve", release_name=name)
        for stage in stages or STAGES:
            self.do("promote", release_name=name, release_stage=stage, release_stages=STAGES)

    def made(self, name: str, *stages: str, **variables: Any) -> None:
        """Captured, published, and promoted through all stages."""
        self.capture(name, **variables)
        self.publish(name)
        self.promote(name, *stages)

    def patch(self, *words: str, **variables: Any) -> Played:
        return self.do("patch", *words, **{"patch_release": "stage:prod", **variables})


def levels(done: Played) -> dict[str, tuple[str, int]]:
    """Each host of a report: the release that it is at, and in how many places it differs."""
    assert done.model is not None
    return {host["name"]: (host["release"]["name"], host["release"]["drift_count"]) for host in done.model["hosts"]}
