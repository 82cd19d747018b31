#!/usr/bin/python
# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_health_info
short_description: Tell how a host is, or whether it is no worse than before
version_added: 0.1.0
description:
  - Without O(baseline) and O(checks), a look at the host; failed units, listening sockets, mounts, space, clock, boot id.
  - With them, a health gate. The host is sampled until nothing has changed for O(settle) seconds and all is well, or until O(limit),
    which is a failure that names each difference. What was wrong before already does not count.
  - All samples are taken in one execution, on the host itself. It needs no rights, but only root sees the names of other users'
    listening processes.
extends_documentation_fragment:
  - fleetops.patchtrain.attributes
options:
  baseline:
    description: The RV(health) from before, as this module returned it.
    type: dict
  ignore:
    description:
      - Globs over what does not count, as C(kind:name) or C(name) of RV(differences), for example V(failed_unit:*.mount),
        V(listening:udp *) or V(unsteady:listening:*).
    type: list
    elements: str
    default: []
  settle:
    description: Seconds for which nothing may change and nothing may be wrong.
    type: float
    default: 10
  limit:
    description: Limit in seconds for the gate to be passed.
    type: float
    default: 300
  interval:
    description: Seconds between two samples.
    type: float
    default: 1
  min_free_percent:
    description: A file system that had at least this much space, or inodes, free before must still have it.
    type: float
    default: 5
  fail:
    description: Whether a host that does not pass is a failure. Otherwise RV(healthy) says so.
    type: bool
    default: true
  checks:
    description:
      - The deployment's own checks, each with one of the keys C(url), C(tcp), C(unit), C(command), C(cluster). They run on the host
        itself, also in check mode.
      - C(url) is an http or https URL, asked for without any proxy; beside it may stand C(status) (a status or a list; default any from
        200 to 299), C(contains) (text that the answer has), C(headers) (a dict), C(validate_certs) (default true) and C(redirects)
        (V(same), the default, follows those to the same scheme, host and port; V(any); V(none)).
      - C(tcp) is C(host:port), or a dict with C(host) and C(port). C(unit) is a systemd unit that has to be active. C(command) is a
        list of words, run without a shell, that has to end with 0.
      - C(cluster) is V(pacemaker), whose cluster has to be whole as seen from this node - quorum, all nodes members, all resources started;
        beside it may stand C(ignore), names of resources, groups or clones.
      - Or it is V(slurm), whose controller has to answer this node and call it good, drained at most for C(reason) (by default that of the driver);
        its partitions have to be up, each with C(min_peers) (default 1) other usable nodes. C(node) is its name where that is not the host's own.
        With C(try_job) true Slurm is asked whether a small job would start (C(sbatch --test-only)).
      - Or it is V(libvirt). This hypervisor (C(uri)) and its C(peers) have to answer, guests that belong here and are away have to be as they were
        at home, and none may have crashed or be paused by an error; C(ignore) has names, with wildcards, or UUIDs of guests.
      - Each may have a C(name), and a C(timeout) in seconds (default 5).
    type: list
    elements: dict
    default: []
  run_id:
    description:
      - The run that the gate belongs to. All other options come from its settings then, the baseline from its ledger.
      - Only the action plugin on the controller looks at it.
    type: str
  force_reason:
    description: Of O(run_id), why a host that is not healthy passes nevertheless. It is recorded.
    type: str
author:
  - fleetops.patchtrain contributors (@fleetops)
seealso:
  - module: fleetops.patchtrain.maintenance_mode
"""

EXAMPLES = r"""
- name: Look at the host before the work
  fleetops.patchtrain.host_health_info:
  register: before

- name: No worse afterwards, and it answers
  fleetops.patchtrain.host_health_info:
    baseline: "{{ before.health }}"
    checks:
      - name: answers
        url: http://127.0.0.1/health
        contains: '"status": "ok"'
      - name: works on its queue
        unit: worker.service
    ignore: ["failed_unit:fwupd-refresh.service"]
"""

RETURN = r"""
healthy:
  description: Whether the gate was passed. True without O(baseline) and O(checks).
  returned: always
  type: bool
health:
  description: The last look at the host.
  returned: success
  type: dict
differences:
  description:
    - What is worse than in O(baseline), each with C(kind), C(name), C(was), C(is) and C(message).
    - The kinds are V(failed_unit), V(restarting_unit), V(listening), V(mount), V(read_only), V(space), V(inodes), V(clock), V(system),
      V(starting) (still on its way up), V(unsteady) (would not settle) and V(probe) (the host could not be looked at).
  returned: always
  type: list
  elements: dict
checks:
  description: The C(name), C(ok) and C(message) of each check.
  returned: always
  type: list
  elements: dict
samples:
  description: How many looks were taken.
  returned: always
  type: int
seconds:
  description: How long that took.
  returned: always
  type: float
error:
  description: The C(kind) of failure, and its data.
  returned: failure
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.errors import PatchtrainError
from ..module_utils.health.asked import SHAPE, SPEC, perform


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    # Credentials are in headers. Kept out of the log by now; as texts to be hidden, all words of all checks would tear holes into the result.
    module.no_log_values.clear()
    try:
        result = perform(module.params)
    except PatchtrainError as error:
        result = dict(SHAPE, failed=True, **error.as_result())
    if result.pop("failed", False):
        module.fail_json(changed=False, invocation={}, **result)
    module.exit_json(changed=False, invocation={}, **result)


if __name__ == "__main__":
    main()
