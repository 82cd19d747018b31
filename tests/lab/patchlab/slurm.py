# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Slurm cluster: one controller, its workers in one partition; pure."""

from __future__ import annotations

from typing import Sequence

from .topology import HostSpec, members

CONTROLLER = "slurm_controller"
NODE = "slurm_node"

# cred_expire is also how long a requeued job waits before it may start again: 120 s unless told.
# Control groups of a container are not for its guest to divide, so that processes are followed by /proc.
_CONFIG = """ClusterName=patchlab
SlurmctldHost={controller}
AuthType=auth/munge
AuthInfo=cred_expire=5
SlurmUser=slurm
StateSaveLocation=/var/lib/slurm/slurmctld
SlurmdSpoolDir=/var/lib/slurm/slurmd
SlurmctldLogFile=/var/log/slurm/slurmctld.log
SlurmdLogFile=/var/log/slurm/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
SchedulerParameters=bf_interval=1,sched_interval=5
ReturnToService=1
KillWait=2
MinJobAge=600
JobCompType=jobcomp/filetxt
JobCompLoc=/var/log/slurm/jobcomp.log
MpiDefault=none
NodeName={nodes} CPUs=4 RealMemory=500 Weight=7 State=UNKNOWN
PartitionName=work Nodes={nodes} Default=YES MaxTime=INFINITE State=UP
"""


def config(fleet: Sequence[HostSpec]) -> str:
    """The same file for all of the cluster."""
    hosts = tuple(fleet)
    return _CONFIG.format(controller=members(hosts, CONTROLLER)[0].name, nodes=",".join(host.name for host in members(hosts, NODE)))


def files(fleet: Sequence[HostSpec], host: HostSpec) -> dict[str, str]:
    """What makes a host of the image a controller or a worker. An empty unit file is a masked one."""
    others = {CONTROLLER: "slurmd", NODE: "slurmctld"}
    return {path: text for group, other in others.items() if group in host.groups
            for path, text in (("etc/slurm/slurm.conf", config(fleet)), (f"etc/systemd/system/{other}.service", ""))}
