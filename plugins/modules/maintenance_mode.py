#!/usr/bin/python
# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: maintenance_mode
short_description: Take a host out of service at one place, or bring it back
version_added: 0.1.0
description:
  - Takes one host out of service at one place of control (a load balancer, a scheduler) so that it has no work left, and brings it
    back so that it works again. The whole job, waiting included, is one execution at that place.
  - What is reported is what was seen there afterwards. A limit that passes is a failure, and what had been begun is undone;
    the failure tells both.
  - A host that was out of service already is left as it was found. Give RV(prior_state) of O(state=entered) back as
    O(prior_state) of O(state=left), and only what was entered is left.
options:
  driver:
    description:
      - By what the host is taken out of service. V(command), V(haproxy), V(libvirt), V(pacemaker) or V(slurm), or one of your own; the options
        of these are listed at O(options).
    type: str
    required: true
  state:
    description:
      - With V(entered), the host is taken out of service and seen to have no work.
      - With V(left), it is brought back and seen to work.
    type: str
    required: true
    choices: [entered, left]
  host:
    description: The host's name at that place. It is not the inventory's name where the place knows the host by another.
    type: str
    required: true
  timeout:
    description:
      - Limit in seconds for the whole job. When it passes the job has failed and is undone, for which there are 30 seconds more;
        the commands of V(command) have as long as this limit once more, where that is longer.
    type: float
    default: 300
  prior_state:
    description:
      - How the host was found when maintenance mode was entered, as RV(prior_state) said then. Only for O(state=left).
      - Anything but V(in_service) leaves the host as it is and reports no change; only a node that V(slurm) found down is down again.
    type: str
    default: in_service
  expect_prior:
    description:
      - How the host was found by a look in check mode, as its RV(prior_state) said. Where it is otherwise by now, nothing is touched, and the task fails
        with RV(error) of the kind V(FoundOtherwise) and the new RV(prior_state). Only for O(state=entered).
    type: str
  options:
    description:
      - Options of the driver.
      - "Of V(haproxy): C(backend), a name or a list of names (default: every backend that has the server); C(server), its name in
        haproxy.cfg (default: O(host)); C(socket), the path of the runtime API's socket or C(host:port) (default:
        /run/haproxy/admin.sock); C(mode), C(drain) or C(maint) (default: C(drain)); C(then_maint), whether a drained server without
        sessions is then set to maint, so that no client that a cookie binds to it returns (default: true); C(min_peers), how many
        other usable servers each backend must have (default: 1); C(count_backup), whether backup servers count as such (default:
        false); C(weight_steps), in how many equal steps the weight is lowered first (default: 0); C(weight_seconds), how long these take
        together (default: 30); C(poll), seconds between two looks (default: 0.5)."
      - "Of V(command): C(enter), C(verify) and C(leave), commands as lists of words, all required; C(verify_left) and C(prior),
        optional ones; C(blocked_rc), the return code by which C(prior) or C(enter) says that the host's work can't go elsewhere;
        C(poll), seconds between two verifications (default: 2). They find the host's name in the environment variable
        E(PATCHTRAIN_HOST)."
      - "Of V(pacemaker): C(node), the node's name in the cluster (default: O(host)); C(min_peers), how many other nodes must be usable
        (default: all others); C(ignore), names of resources, groups or clones that are neither moved nor looked at; C(poll), seconds
        between two looks (default: 1)."
      - "Of V(libvirt): C(peers), addresses of the hypervisors that guests may go to (default: none; its own address in the list does no harm);
        C(uri), the hypervisor's own address (default: C(qemu:///system)); C(unmovable), what becomes of running guests that can't move,
        V(refuse), V(shutdown) or V(save) (default: V(refuse)); C(answers), a command as a list of words that ends with 0 when such a guest,
        named by E(PATCHTRAIN_GUEST) and E(PATCHTRAIN_GUEST_UUID), works again (default: none); C(failback), whether V(all) or V(none) of
        those that moved come back (default: V(all)); C(pinned), names, titles or UUIDs of guests that must not move, with wildcards;
        C(shared), paths that every hypervisor has, with wildcards; C(copy_storage), whether disks of this host alone are copied along (default:
        false); C(reserve), MiB that a peer keeps free (default: 512); C(poll), seconds between two looks (default: 0.5)."
      - "Of V(slurm): C(running_jobs), what becomes of jobs that have not ended after C(grace) seconds: V(wait) waits on to the limit, V(requeue)
        requeues them and sees each of them elsewhere, V(undo) gives up (default: V(wait)); C(grace) (default: half of O(timeout) for
        V(requeue), else all of it); C(reason), the reason of the drain and its owner's mark (default: C(patchtrain: maintenance));
        C(min_peers), how many other usable nodes each of its partitions must have (default: 1); C(poll), seconds between two looks
        (default: 2)."
    type: dict
    default: {}
notes:
  - Run it where the host is controlled, with C(delegate_to), not on the host itself. For V(pacemaker) that is any other node of its cluster.
  - A host whose work can't go elsewhere fails with C(error.blocked) true. It is as it was found.
  - The interpreter there has to be Python 3.8 or newer.
attributes:
  check_mode:
    description: Reads the present state and says what would be done. Nothing that writes can be reached.
    support: full
  diff_mode:
    description: Does not show differences.
    support: none
seealso:
  - module: fleetops.patchtrain.host_health_info
author:
  - fleetops.patchtrain contributors (@fleetops)
"""

EXAMPLES = r"""
- name: Drain a web server at the load balancer
  fleetops.patchtrain.maintenance_mode:
    driver: haproxy
    state: entered
    host: "{{ inventory_hostname }}"
    timeout: 120
    options:
      backend: [shop, api]
  delegate_to: lb1.example.com
  register: maintenance

- name: Bring it back, unless somebody else had taken it out before
  fleetops.patchtrain.maintenance_mode:
    driver: haproxy
    state: left
    host: "{{ inventory_hostname }}"
    prior_state: "{{ maintenance.prior_state }}"
    options:
      backend: [shop, api]
  delegate_to: lb1.example.com

- name: Take a build agent out of service with its scheduler's own tool
  fleetops.patchtrain.maintenance_mode:
    driver: command
    state: entered
    host: "{{ inventory_hostname }}"
    options:
      enter: [/usr/local/bin/agents, disable, "{{ inventory_hostname }}"]
      verify: [/usr/local/bin/agents, is-idle, "{{ inventory_hostname }}"]
      leave: [/usr/local/bin/agents, enable, "{{ inventory_hostname }}"]
  delegate_to: ci.example.com
"""

RETURN = r"""
state:
  description: V(entered) or V(left); V(unknown) where it failed and could not be undone.
  returned: always
  type: str
prior_state:
  description:
    - How the host was found. V(in_service), or the driver's word for anything else; for haproxy V(draining), V(maintenance), or
      C(backend=word) for each backend where they differ.
    - Empty where a failure came before that was known.
  returned: always
  type: str
detail:
  description:
    - What was seen, in the driver's own words. For haproxy C(servers), one for each backend, with C(sessions), C(status), C(check) and
      C(peers_in_service).
    - C(moved), from drivers that know it, lists what of the host's work went elsewhere or came back, each with C(what), C(from) and C(to).
    - In check mode C(would) lists the commands that would have been given.
  returned: always
  type: dict
undone:
  description: Whether what a failed attempt had begun was undone. Null where nothing had been begun or nothing failed.
  returned: always
  type: bool
error:
  description: The failure as data, with its C(kind).
  returned: failure
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.maintenance.asked import SPEC, perform


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    # Commands may have credentials. Kept out of the log by now; as texts to be hidden, all words of all options would tear holes into the result.
    module.no_log_values.clear()
    result = dict(perform(module.params, module.check_mode), invocation={})
    if result.get("failed"):
        module.fail_json(**result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
