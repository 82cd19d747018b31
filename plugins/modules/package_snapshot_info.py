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

- name: Packages that no source feeds any more
  ansible.builtin.debug:
    msg: "{{ snapshot.packages | selectattr('source', 'eq', '') | map(attribute='name') }}"
"""

RETURN = r"""
packages:
  description: All installed packages, sorted by name and architecture.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: The package's name., type: str}
    arch: {description: Its architecture., type: str}
    version: {description: Its version as the package manager writes it., type: str}
    source: {description: The id of the source that has this version. Empty where none has it., type: str}
    reason: {description: "Why it is there, V(manual) because somebody asked for it, V(automatic) because something needs it, or V(unknown).", type: str}
  sample:
    - name: openssl
      arch: amd64
      version: 3.0.20-1~deb12u2
      source: http://mirror.example/debian bookworm/main
      reason: manual
holds:
  description: Packages that the administrator held.
  returned: success
  type: list
  elements: str
  sample: [linux-image-amd64]
streams:
  description: Enabled module streams.
  returned: success
  type: list
  elements: str
  sample: ["nodejs:20"]
sources:
  description: The package sources that are configured.
  returned: success
  type: list
  elements: dict
  contains:
    id: {description: By which packages and updates name it., type: str}
    uri: {description: Where it is. Without user and password., type: str}
    enabled: {description: Whether it is used., type: bool}
    trusted: {description: Whether its signatures are checked., type: bool}
    advisories: {description: Whether it says which updates are security., type: bool}
    usable: {description: Whether the host has its metadata and accepts it., type: bool}
  sample:
    - id: http://mirror.example/debian-security bookworm-security/main
      uri: http://mirror.example/debian-security/
      enabled: true
      trusted: true
      advisories: true
      usable: true
platform:
  description: The C(id) and C(version) of os-release and the architecture.
  returned: success
  type: dict
  sample: {id: debian, version: "12", arch: amd64}
manager:
  description: The package manager.
  returned: success
  type: str
  sample: apt
kernel:
  description: The running kernel and the one that would be booted. Not C(applicable) in a container, which has none of its own.
  returned: success
  type: dict
  sample: {running: 6.1.0-31-amd64, default: 6.1.0-32-amd64, installed: [6.1.0-31-amd64, 6.1.0-32-amd64], applicable: true}
boot_id:
  description: Identifies the time since the last boot.
  returned: success
  type: str
  sample: 7f9c0f2e-5f0c-4a57-9a3e-0d7d3d5f7a11
error:
  description: The C(kind) of failure, and its data.
  returned: failure
  type: dict
  sample: {kind: HostUnsupported, image: rpm-ostree}
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
