#!/usr/bin/python
# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_upstream
short_description: Ask upstream, on the repository host, what it has beyond a release
version_added: 0.1.0
description:
  - A golden host tells its sources and their keys. The repository host keeps them, and asks them what a host would find that has exactly the
    packages of a release, in folders of its own, so that neither its own package manager nor any host of the fleet sees it.
  - For apt only. The action plugin of M(fleetops.patchtrain.release) uses it for O(fleetops.patchtrain.release#module:state=surveyed).
extends_documentation_fragment:
  - fleetops.patchtrain.attributes
options:
  state:
    description:
      - V(told) tells the sources of this host. V(kept) keeps O(sources), but in check mode. V(asked) fetches what they have now, in check mode too.
    type: str
    choices: [told, kept, asked]
    required: true
  platform:
    description: The platform whose sources are kept or asked, as the release's manifest names it.
    type: str
    default: ''
  sources:
    description: What another host told.
    type: dict
  packages:
    description: The packages of the release, each with C(name), C(arch) and C(version).
    type: list
    elements: dict
    default: []
  security_patterns:
    description: As of M(fleetops.patchtrain.package_snapshot_info).
    type: list
    elements: str
  known_patterns:
    description: As of M(fleetops.patchtrain.package_snapshot_info).
    type: list
    elements: str
  timeout:
    description: Limit in seconds for fetching.
    type: float
    default: 600
author:
  - fleetops.patchtrain contributors (@fleetops)
seealso:
  - module: fleetops.patchtrain.release
"""

EXAMPLES = r"""
- name: What has upstream since?
  fleetops.patchtrain.release_upstream:
    state: asked
    platform: debian-12-amd64-apt
    packages:
      - {name: sudo, arch: amd64, version: 1.9.13p3-1+deb12u1}
  register: upstream
"""

RETURN = r"""
sources:
  description: What this host's package manager is told of its sources, with the keys. It may hold passwords.
  returned: O(state=told)
  type: dict
packages:
  description: O(packages), each with what it came as and what came before it, as far as the sources know.
  returned: O(state=asked)
  type: list
  elements: dict
updates:
  description: What a host with O(packages) would be offered.
  returned: O(state=asked)
  type: list
  elements: dict
kept_at:
  description: When the sources were told last, in seconds of the epoch.
  returned: O(state=asked)
  type: float
error:
  description: The C(kind) of failure, and its data.
  returned: failure
  type: dict
"""

from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.errors import BadInput, PatchtrainError
from ..module_utils.job import arguments
from ..module_utils.packages.manager import DEFAULT_RULES
from ..module_utils.packages.detect import detect
from ..module_utils.release import upstream
from ..module_utils.release.manifest import check_platform
from ..module_utils.runner import Runner, SystemRunner

SPEC: Dict[str, Any] = {
    "state": {"type": "str", "required": True, "choices": ["told", "kept", "asked"]},
    "platform": {"type": "str", "default": ""},
    "sources": {"type": "dict", "no_log": True},
    "packages": {"type": "list", "elements": "dict", "default": []},
    "security_patterns": arguments.SELECTION["security_patterns"],
    "known_patterns": arguments.SELECTION["known_patterns"],
    "timeout": {"type": "float", "default": 600},
}


def perform(runner: Runner, options: Dict[str, Any], folder: str = upstream.FOLDER, check: bool = False) -> Dict[str, Any]:
    if options["state"] == "told":
        return {"sources": upstream.told(runner, detect(runner, "auto"))}
    check_platform(options["platform"])
    if options["state"] == "asked":
        return upstream.look(runner, options["platform"], options["packages"], arguments.rules(options, DEFAULT_RULES), options["timeout"], folder)
    if not options["sources"]:
        raise BadInput("release_upstream: state=kept needs sources")
    return {"changed": upstream.keep(options["platform"], options["sources"], folder, check)}


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    try:
        result = perform(SystemRunner(), module.params, check=module.check_mode)
    except PatchtrainError as error:
        module.fail_json(changed=False, **error.as_result())
    module.exit_json(**dict({"changed": False}, **result))


if __name__ == "__main__":
    main()
