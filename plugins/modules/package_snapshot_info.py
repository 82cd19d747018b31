#!/usr/bin/python
# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: package_snapshot_info
short_description: Tell what a host has installed, why, and from where
version_added: 0.1.0
description:
  - A document of all installed packages with exact versions, install reasons and sources, for comparing hosts and for releases. The same
    host gives the same document.
extends_documentation_fragment:
  - fleetops.patchtrain.attributes
options:
  manager:
    description: The package manager. V(auto) is the host's own.
    type: str
    choices: [auto, apt, dnf, zypper]
    default: auto
author:
  - fleetops.patchtrain contributors (@fleetops)
seealso:
  - module: fleetops.patchtrain.updates_info
"""

EXAMPLES = r"""
- name: What is installed?
  fleetops.patchtrain.package_snapshot_info:
  register: snapshot
"""

RETURN = r"""
packages:
  description: Name, arch, version, source and reason (manual, automatic, unknown) of each package, sorted by name.
  returned: success
  type: list
  elements: dict
holds:
  description: Packages that the administrator held.
  returned: success
  type: list
  elements: str
streams:
  description: Enabled module streams.
  returned: success
  type: list
  elements: str
sources:
  description: The package sources that are configured.
  returned: success
  type: list
  elements: dict
platform:
  description: The C(id) and C(version) of os-release and the architecture.
  returned: success
  type: dict
manager:
  description: The package manager.
  returned: success
  type: str
kernel:
  description: The running kernel and the one that would be booted. A container has none of its own.
  returned: success
  type: dict
boot_id:
  description: Identifies the time since the last boot.
  returned: success
  type: str
error:
  description: The C(kind) of failure, and its data.
  returned: failure
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.errors import PatchtrainError
from ..module_utils.packages.detect import detect
from ..module_utils.packages.snapshot import snapshot
from ..module_utils.runner import SystemRunner

SPEC = {"manager": {"type": "str", "choices": ["auto", "apt", "dnf", "zypper"], "default": "auto"}}


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    runner = SystemRunner()
    try:
        found = snapshot(runner, detect(runner, module.params["manager"]))
    except PatchtrainError as error:
        module.fail_json(changed=False, **error.as_result())
    module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
