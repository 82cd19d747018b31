#!/usr/bin/python
# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_changes_info
short_description: Tell which CVEs lie between two versions of Debian packages
version_added: 0.1.0
description:
  - Debian's repositories carry no advisories. The changelogs inside the packages name the CVEs that a version fixed; this module reads them on the
    repository host, from the files of published releases.
extends_documentation_fragment:
  - fleetops.patchtrain.attributes
options:
  root:
    description: The folder of the repository.
    type: path
    required: true
  packages:
    description: The packages, each with its two versions. Either may be the newer one.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The package's name.
        type: str
        required: true
      arch:
        description: Its architecture.
        type: str
        required: true
      from:
        description: The version before.
        type: str
        required: true
      to:
        description: The version after.
        type: str
        required: true
      platform:
        description: The platform whose file is read, where several have one of this name and version.
        type: str
      sha256:
        description: The checksum of the file of O(packages[].to), where it is known. Otherwise it is looked for in the published releases.
        type: str
  timeout:
    description: Limit in seconds.
    type: float
    default: 600
author:
  - fleetops.patchtrain contributors (@fleetops)
seealso:
  - module: fleetops.patchtrain.release_repository
"""

EXAMPLES = r"""
- name: What was fixed?
  fleetops.patchtrain.release_changes_info:
    root: /srv/patchtrain
    packages:
      - {name: sudo, arch: amd64, from: 1.9.13p3-1+deb12u1, to: 1.9.13p3-1+deb12u4}
  register: fixed
"""

RETURN = r"""
changes:
  description: What lies between the two versions, in the order of O(packages).
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: The package's name., type: str}
    arch: {description: Its architecture., type: str}
    from: {description: The version before., type: str}
    to: {description: The version after., type: str}
    cves: {description: The CVEs that the changelog names between the older and the newer version., type: list, elements: str}
    changelog: {description: "Whether there was a changelog that could be read for this. Without one, an empty C(cves) says nothing.", type: bool}
    reason: {description: "Why there was none, else empty.", type: str}
  sample:
    - name: sudo
      arch: amd64
      from: 1.9.13p3-1+deb12u1
      to: 1.9.13p3-1+deb12u4
      cves: [CVE-2025-32462, CVE-2026-35535]
      changelog: true
      reason: ''
error:
  description: The C(kind) of failure, and its data.
  returned: failure
  type: dict
"""

from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.clock import Clock, Deadline
from ..module_utils.errors import PatchtrainError
from ..module_utils.repository.changes import changes
from ..module_utils.repository.layout import Root, clear_failures
from ..module_utils.runner import SystemRunner

_NEEDED = {"type": "str", "required": True}

SPEC: Dict[str, Any] = {
    "root": {"type": "path", "required": True},
    "packages": {"type": "list", "elements": "dict", "required": True, "options": {
        "name": _NEEDED, "arch": _NEEDED, "from": _NEEDED, "to": _NEEDED, "platform": {"type": "str"}, "sha256": {"type": "str"}}},
    "timeout": {"type": "float", "default": 600},
}


def perform(options: Dict[str, Any]) -> Dict[str, Any]:
    root = Root(options["root"])
    with clear_failures(root):
        return {"changes": changes(SystemRunner(), root, options["packages"], Deadline(options["timeout"], Clock()))}


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    try:
        result = perform(module.params)
    except PatchtrainError as error:
        module.fail_json(changed=False, **error.as_result())
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
