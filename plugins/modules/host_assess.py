#!/usr/bin/python
# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_assess
short_description: Find out what a host lacks, and make it ready for patching, in one execution
version_added: 0.1.0
description:
  - Reports pending updates by classification, pending reboot, obstacles and health, and the exact transaction that
    M(fleetops.patchtrain.updates_install) would make of the same options.
  - With O(stage=download) it also makes the host ready, so that it is out of service only for what must happen then.
    An interrupted transaction is repaired, packages are downloaded, and the host's own updaters are held off.
  - Installs nothing.
extends_documentation_fragment:
  - fleetops.patchtrain.attributes
  - fleetops.patchtrain.selection
attributes:
  check_mode:
    support: full
    details:
      - Reports what is known from the metadata on the host. Nothing is refreshed, repaired, downloaded or held off.
  diff_mode:
    support: none
options:
  stage:
    description:
      - V(assess) changes nothing but the metadata cache. It works without root, as far as the host lets it; what stands in the way
        of patching is among C(obstacles) in RV(assessment).
      - V(download) makes the host ready. What stands in the way of that is a failure.
    type: str
    choices: [assess, download]
    default: assess
  refresh:
    description: Fetch the sources' metadata first. A source that can't be fetched is a failure that names it.
    type: bool
    default: true
  refresh_timeout:
    description: Limit in seconds for that.
    type: float
    default: 300
  timeout:
    description: Limit in seconds for downloads and for a repair.
    type: float
    default: 3600
  lock_timeout:
    description: Limit in seconds for waiting until other package managers on the host are done, before a repair.
    type: float
    default: 600
  health:
    description: Whether the host's health is reported, as a baseline to compare with later.
    type: bool
    default: true
  hold_for:
    description:
      - With O(stage=download) and something to install, the host's own updaters (apt-daily, dnf-automatic and the like) skip
        themselves for so many seconds from now, as the host tells the time, right or wrong. That ends by itself, and at once where the
        preparation fails. V(0) holds nothing off.
    type: float
    default: 0
  let_go:
    description:
      - Whether the host's own updaters that O(run_id) holds off are let go first.
    type: bool
    default: false
  plan:
    description: Whether a plan is made. Without one only what the host lacks is reported.
    type: bool
    default: true
  release:
    description:
      - The digest of a release. The transaction then is the one that brings the host to exactly this release, and O(classifications), O(include)
        and O(packages) do not count; an installed package that O(exclude) keeps from its version of the release is a failure.
      - The host has to be attached to this release.
      - Packages go down only with O(allow_downgrade). All of it or nothing; what stands in the way is named.
    type: str
  unknown_packages:
    description:
      - With O(release), what becomes of packages that the release does not know.
      - V(keep) leaves them alone, but for what the release's own packages need of them. V(hold) lets nothing move them, and
        what can't be had then is a failure. V(fail) makes no plan where there are any, and names them.
    type: str
    choices: [keep, hold, fail]
    default: keep
  run_id:
    description: The run that holds them off, and that may let them go.
    type: str
  state_dir:
    description: Where jobs are kept, for root alone.
    type: path
    default: /var/lib/patchtrain
author:
  - fleetops.patchtrain contributors (@fleetops)
seealso:
  - module: fleetops.patchtrain.updates_install
  - module: fleetops.patchtrain.updates_info
  - module: fleetops.patchtrain.host_health_info
"""

EXAMPLES = r"""
- name: What does this host lack?
  fleetops.patchtrain.host_assess:
  become: true

- name: Fetch the security updates, and keep the host's own updater quiet for two hours
  fleetops.patchtrain.host_assess:
    stage: download
    classifications: [security]
    hold_for: 7200
    run_id: web-2026-11
  become: true

- name: What would bring this host to the release, down as well as up?
  fleetops.patchtrain.host_assess:
    release: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    allow_downgrade: true
  become: true
"""

RETURN = r"""
assessment:
  description:
    - What the host lacks, as M(fleetops.patchtrain.updates_info) returns it. C(obstacles) has C(kind) and C(message) of each
      thing that stands in the way of patching; null when the host could not be assessed.
  returned: always
  type: dict
plan:
  description: The exact transaction, null when none can be made, or O(plan=false).
  returned: always
  type: dict
  contains:
    changes:
      description:
        - Name, arch, from, to, classification, advisories and CVEs of each package. C(to) is null for one that goes; C(replaced_by) then
          names the package that takes its place, if one does.
      type: list
      elements: dict
    left_out: {description: What was asked for and is not part of it., type: list, elements: dict}
    digest: {description: Identifies the transaction., type: str}
    download_size: {description: Bytes to fetch., type: int}
    installed_size: {description: Bytes by which the host's disk fills., type: int}
health:
  description:
    - The host's health, as M(fleetops.patchtrain.host_health_info) returns it. Null when it was not asked for, and when it could not be
      told, which is the obstacle V(health) then.
  returned: always
  type: dict
let_go:
  description: The host's own updaters that were let go, null with O(let_go=false) and where that failed.
  returned: always
  type: list
  elements: str
held_units:
  description: The host's own updaters that are held off.
  returned: always
  type: list
  elements: str
program:
  description:
    - The program that was laid down on the host, which lets the updaters go again before that time (C(python -I -S program release RUN_ID)), and
      does what M(fleetops.patchtrain.updates_install) and M(fleetops.patchtrain.host_health_info) do.
    - Null where there is nothing to install.
  returned: always
  type: str
python:
  description: The Python that runs it.
  returned: always
  type: str
downloaded:
  description: Whether packages were fetched.
  returned: always
  type: bool
repaired:
  description: The interrupted transaction that was repaired.
  returned: always
  type: str
error:
  description: The C(kind) of failure, and its data.
  returned: failure
  type: dict
"""

from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.errors import PatchtrainError
from ..module_utils.job import preparing
from ..module_utils.job.prepare import broken


def main() -> None:
    module = AnsibleModule(argument_spec=preparing.SPEC, supports_check_mode=True)
    try:
        result: Dict[str, Any] = preparing.perform(module.params, module.check_mode)
    except PatchtrainError as error:
        result = broken(error)
    if result["failed"]:
        module.fail_json(**result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
