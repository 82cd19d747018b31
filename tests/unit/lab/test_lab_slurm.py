# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that make a Slurm cluster of one image."""

from __future__ import annotations

from patchlab import slurm
from patchlab.topology import topology

FLEET = topology("slurm")


def _files(name: str) -> dict[str, str]:
    return slurm.files(FLEET, next(spec for spec in FLEET if spec.name == name))


def test_all_of_the_cluster_have_the_same_configuration() -> None:
    texts = {_files(spec.name)["etc/slurm/slurm.conf"] for spec in FLEET}
    assert len(texts) == 1
    lines = texts.pop().splitlines()
    assert "SlurmctldHost=slurm1" in lines
    assert [line.split()[0] for line in lines if line.startswith("NodeName=")] == ["NodeName=node1,node2,node3"]


def test_each_host_runs_one_of_the_two_daemons() -> None:
    masked = {spec.name: [path for path, text in _files(spec.name).items() if not text] for spec in FLEET}
    workers = dict.fromkeys(("node1", "node2", "node3"), ["etc/systemd/system/slurmctld.service"])
    assert masked == {"slurm1": ["etc/systemd/system/slurmd.service"], **workers}


def test_hosts_of_other_labs_get_nothing() -> None:
    assert [slurm.files(topology("web"), spec) for spec in topology("web")] == [{}] * len(topology("web"))
