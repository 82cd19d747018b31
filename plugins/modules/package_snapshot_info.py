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
  advisories:
    description:
      - Whether each package also tells what it came as, and the versions before it that the host's sources still know. A release keeps
        this, because a host that goes from an old version to a newer one gets the security fixes in between.
    type: bool
    default: false
  security_patterns:
    description:
      - For apt and O(advisories), which sources' updates are security. Globs over C(origin:archive) and C(label:codename) of their
        release files.
      - By default the security suites of Debian and Ubuntu.
    type: list
    elements: str
  known_patterns:
    description:
      - For apt and O(advisories), which sources are known to mark security updates by O(security_patterns), so that their other
        updates are V(other) and not V(unknown). Globs as there.
      - By default Debian and Ubuntu.
    type: list
    elements: str
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
    feeder:
      description: With O(advisories), a source that offers any version of it. Empty where none does.
      type: str
    updates:
      description:
        - With O(advisories), what this version and those before it came as, oldest first. Empty where no source knows the package.
      type: list
      elements: dict
      contains:
        version: {description: The version., type: str}
        classification: {description: "V(security), V(bugfix), V(enhancement), V(other) or V(unknown).", type: str}
        severity: {description: "V(critical), V(important), V(moderate), V(low) or V(unknown). apt's sources never tell.", type: str}
        advisories: {description: Ids of its advisories., type: list, elements: str}
        cves: {description: CVE ids., type: list, elements: str}
  sample:
    - name: openssl
      arch: amd64
      version: 3.0.20-1~deb12u2
      source: http://mirror.example/debian bookworm/main
      reason: manual
      feeder: http://mirror.example/debian bookworm/main
      updates:
        - {version: 3.0.20-1~deb12u2, classification: security, severity: unknown, advisories: [], cves: []}
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
from ..module_utils.job import arguments
from ..module_utils.packages.manager import DEFAULT_RULES
from ..module_utils.packages.detect import detect
from ..module_utils.packages.snapshot import snapshot
from ..module_utils.runner import SystemRunner

SPEC = {
    "advisories": {"type": "bool", "default": False},
    "security_patterns": arguments.SELECTION["security_patterns"],
    "known_patterns": arguments.SELECTION["known_patterns"],
    "manager": arguments.SELECTION["manager"],
}


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    runner = SystemRunner()
    try:
        rules = arguments.rules(module.params, DEFAULT_RULES) if module.params["advisories"] else None
        found = snapshot(runner, detect(runner, module.params["manager"]), rules)
    except PatchtrainError as error:
        module.fail_json(changed=False, **error.as_result())
    module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
