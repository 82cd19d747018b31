#!/usr/bin/python
# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: updates_info
short_description: Tell what a host lacks
version_added: 0.1.0
description:
  - Pending updates by classification with advisories and CVEs, pending reboot with reasons, and whether an installation was interrupted.
  - Works from the metadata that the host has. Nothing is changed; M(fleetops.patchtrain.host_assess) can refresh it first.
extends_documentation_fragment:
  - fleetops.patchtrain.attributes
  - fleetops.patchtrain.selection
author:
  - fleetops.patchtrain contributors (@fleetops)
seealso:
  - module: fleetops.patchtrain.host_assess
  - module: fleetops.patchtrain.updates_install
"""

EXAMPLES = r"""
- name: What does this host lack?
  fleetops.patchtrain.updates_info:
  register: lacking

- name: The security updates among it
  ansible.builtin.debug:
    msg: "{{ lacking.updates | selectattr('classification', 'eq', 'security') | map(attribute='name') }}"
"""

RETURN = r"""
updates:
  description:
    - Every pending update with C(name), C(arch), C(installed), C(candidate), C(classification), C(severity), C(advisories), C(cves), C(source),
      C(size), C(held), C(phased).
  returned: success
  type: list
  elements: dict
counts:
  description: How many of each classification, C(held) ones, and C(total).
  returned: success
  type: dict
reboot:
  description: Whether a reboot is required, and the reasons.
  returned: success
  type: dict
interrupted:
  description: An installation that was cut, in a line.
  returned: success
  type: str
metadata_age_s:
  description: Seconds since the sources' metadata was fetched.
  returned: success
  type: float
platform:
  description: The C(id) and C(version) of os-release and the architecture.
  returned: success
  type: dict
manager:
  description: The package manager.
  returned: success
  type: str
kernel:
  description: The running kernel and the one that would be booted.
  returned: success
  type: dict
boot_id:
  description: Identifies the time since the last boot.
  returned: success
  type: str
release:
  description: The release that the host is attached to.
  returned: success
  type: str
drift:
  description: How the host differs from its release.
  returned: success
  type: list
  elements: dict
obstacles:
  description: The C(kind) and C(message) of each thing that stands in the way of patching.
  returned: success
  type: list
  elements: dict
error:
  description: The C(kind) of failure, and its data.
  returned: failure
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.assessment import assess
from ..module_utils.errors import PatchtrainError
from ..module_utils.job import arguments
from ..module_utils.packages.apt.classify import DEFAULT_RULES
from ..module_utils.packages.detect import detect
from ..module_utils.runner import SystemRunner


def main() -> None:
    module = AnsibleModule(argument_spec=arguments.SELECTION, supports_check_mode=True)
    runner = SystemRunner()
    try:
        rules, selection = arguments.rules(module.params, DEFAULT_RULES), arguments.selection(module.params)
        found = assess(runner, detect(runner, module.params["manager"]), rules, selection)
    except PatchtrainError as error:
        module.fail_json(changed=False, **error.as_result())
    module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
