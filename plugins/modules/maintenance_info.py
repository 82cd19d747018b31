#!/usr/bin/python
# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: maintenance_info
short_description: Tell what taking hosts out of service would do at one place
version_added: 0.1.0
description:
  - Asks one place of control (a load balancer, a scheduler) what M(fleetops.patchtrain.maintenance_mode) would do there with each of many hosts, in one
    execution, and changes nothing.
  - A wrong name, a socket that does not answer, a host whose work can't go elsewhere is told of the host that has it; the module fails only where it can't
    ask at all.
  - The playbook C(fleetops.patchtrain.plan), and each run before its first host is drained, ask the places of C(patch_maintenance) by it.
extends_documentation_fragment:
  - fleetops.patchtrain.attributes
options:
  looks:
    description: What to ask, one after the other.
    type: list
    elements: dict
    required: true
    suboptions:
      driver:
        description: By what the host would be taken out of service, as for M(fleetops.patchtrain.maintenance_mode).
        type: str
        required: true
      host:
        description: The host's name at that place.
        type: str
        required: true
      options:
        description: Options of the driver, as for M(fleetops.patchtrain.maintenance_mode).
        type: dict
        default: {}
  timeout:
    description: Limit in seconds for all of them. Hosts for which no time is left are told as not asked.
    type: float
    default: 60
  keep_program:
    description:
      - Whether to leave a program there by which M(fleetops.patchtrain.maintenance_mode) is asked for the same place from then on, so that no module
        has to be sent. A run does so; it needs root, and is not done in check mode.
    type: bool
    default: false
notes:
  - Run it where the hosts are controlled, with C(delegate_to), as M(fleetops.patchtrain.maintenance_mode).
seealso:
  - module: fleetops.patchtrain.maintenance_mode
author:
  - fleetops.patchtrain contributors (@fleetops)
"""

EXAMPLES = r"""
- name: Could these web servers be drained at the load balancer?
  fleetops.patchtrain.maintenance_info:
    looks:
      - driver: haproxy
        host: web1
        options: {backend: shop}
      - driver: haproxy
        host: web2
        options: {backend: shop}
  delegate_to: lb1.example.com
  register: foreseen
"""

RETURN = r"""
looks:
  description: What was found, in the order of O(looks).
  returned: success
  type: list
  elements: dict
  contains:
    driver: {description: The driver that was asked., type: str}
    host: {description: The host's name at that place., type: str}
    asked: {description: Whether there was time to ask., type: bool}
    would_change: {description: Whether the host would be taken out of service. One that is out already stays as it is., type: bool}
    prior_state: {description: "How the host was found, as RV(fleetops.patchtrain.maintenance_mode#module:prior_state).", type: str}
    would: {description: "The commands that would be given; of those of a deployment's own only the programs.", type: list, elements: str}
    moves: {description: "What of the host's work would go elsewhere, from drivers that know it, each with C(what), C(from) and C(to).", type: list,
            elements: dict}
    problem: {description: "Why the host could not be taken out of service, else empty.", type: str}
    blocked: {description: Whether that is because its work can't go elsewhere now., type: bool}
    error: {description: "The problem as data, with its C(kind), else null.", type: dict}
  sample:
    - driver: haproxy
      host: web1
      asked: true
      would_change: true
      prior_state: in_service
      would: [set server shop/web1 state drain, set server shop/web1 state maint]
      moves: []
      problem: ''
      blocked: false
      error: null
program:
  description:
    - With O(keep_program) where the C(program) lies, and the C(python) to run it. Null where there is none, because it was not wanted, not possible,
      or in check mode.
  returned: success
  type: dict
error:
  description: The failure as data, with its C(kind).
  returned: failure
  type: dict
"""

from typing import Any, Dict, List, Mapping

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.clock import Clock
from ..module_utils.errors import BadInput, PatchtrainError
from ..module_utils.maintenance.calling import lay
from ..module_utils.maintenance.foresee import foresee
from ..module_utils.runner import SystemRunner


def argument_spec() -> Dict[str, Any]:
    look = {"driver": {"type": "str", "required": True}, "host": {"type": "str", "required": True},
            "options": {"type": "dict", "default": {}, "no_log": True}}
    return {"looks": {"type": "list", "elements": "dict", "required": True, "options": look}, "timeout": {"type": "float", "default": 60},
            "keep_program": {"type": "bool", "default": False}}


def work(params: Mapping[str, Any]) -> List[Dict[str, Any]]:
    if not 0 < params["timeout"] < float("inf"):
        raise BadInput("timeout %r is no number of seconds above zero" % params["timeout"], option="timeout")
    return foresee(params["looks"], params["timeout"], SystemRunner(), Clock())


def main() -> None:
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    # Commands may have credentials. Kept out of the log by now; as texts to be hidden, all words of all options would tear holes into the result.
    module.no_log_values.clear()
    try:
        looks = work(module.params)
    except PatchtrainError as error:
        module.fail_json(changed=False, invocation={}, **error.as_result())
    program = lay() if module.params["keep_program"] and not module.check_mode else None
    module.exit_json(changed=False, invocation={}, looks=looks, program=program)


if __name__ == "__main__":
    main()
