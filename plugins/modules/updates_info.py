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
  description: Every pending update, held and excluded ones included.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: The package's name., type: str}
    arch: {description: The architecture of the candidate., type: str}
    installed: {description: The installed version., type: str}
    candidate: {description: The version that would be installed. With O(security_level=minimal) the lowest one with all security fixes., type: str}
    classification:
      description:
        - The gravest of all versions after the installed one up to the candidate, V(security), V(bugfix), V(enhancement), V(other) or V(unknown).
      type: str
    severity: {description: "V(critical), V(important), V(moderate), V(low) or V(unknown). apt's sources never tell.", type: str}
    advisories: {description: Ids of the advisories., type: list, elements: str}
    cves: {description: CVE ids., type: list, elements: str}
    source: {description: The id of the source it comes from., type: str}
    size: {description: Bytes to download. None where that is not known., type: int}
    held: {description: Whether the administrator held the package., type: bool}
    phased: {description: "Whether the publisher still phases it in. Such an update waits unless it is named.", type: bool}
  sample:
    - name: openssl
      arch: amd64
      installed: 3.0.20-1~deb12u2
      candidate: 3.0.22-1~deb12u2
      classification: security
      severity: unknown
      advisories: []
      cves: []
      source: http://mirror.example/debian-security bookworm-security/main
      size: 1441784
      held: false
      phased: false
counts:
  description: How many of each classification, C(held) ones, and C(total).
  returned: success
  type: dict
  sample: {security: 1, bugfix: 0, enhancement: 0, other: 3, unknown: 0, held: 1, total: 4}
reboot:
  description: Whether a reboot is C(required), and the C(reasons). Null where that is not known.
  returned: success
  type: dict
  sample: {required: true, reasons: ["kernel: 6.1.0-31-amd64 runs, 6.1.0-32-amd64 would be started"]}
interrupted:
  description: An installation that was cut, in a line.
  returned: success
  type: str
  sample: "dpkg was interrupted: nginx is unpacked"
metadata_age_s:
  description: Seconds since the metadata of the source that was fetched first. Null where there is none.
  returned: success
  type: float
  sample: 1800.5
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
release:
  description: The release that the host is attached to. Null for none, and where a user who is not root may not look.
  returned: success
  type: str
drift:
  description:
    - How the host differs from its release, as C(name), C(arch), C(is) and C(should). C(kind) V(version) is another version, or a kernel
      that is missing; V(unknown) a package that the release does not know, with the C(source) that still offers it, empty for none;
      V(kernel) a running kernel or a boot default that is not the release's; V(source) a source that should be hidden, or the release's
      own that is not there; V(stream) a module that is in another stream than the release's, C(is) empty where none is enabled.
  returned: success
  type: list
  elements: dict
  sample:
    - {name: openssl, arch: amd64, kind: version, is: 3.0.17-1, should: 3.0.18-1, source: ""}
obstacles:
  description:
    - The C(kind) and C(message) of each thing that stands in the way of patching, of each kind at most one.
    - V(interrupted) is an installation that was cut, V(lock) another package manager at work, V(space) a file system that is too full,
      V(sources) one that gives no metadata, V(privilege) a user who is not root, V(release) a release whose files on the host are
      damaged.
  returned: success
  type: list
  elements: dict
  sample:
    - kind: privilege
      message: "uid 1000 is not root, and only root installs packages (become: true)"
error:
  description: The C(kind) of failure, and its data.
  returned: failure
  type: dict
  sample: {kind: HostUnsupported, image: rpm-ostree}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.assessment import assess
from ..module_utils.errors import PatchtrainError
from ..module_utils.job import arguments
from ..module_utils.packages.manager import DEFAULT_RULES
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
