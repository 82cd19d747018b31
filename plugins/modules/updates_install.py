#!/usr/bin/python
# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: updates_install
short_description: Install updates in a transaction that outlives its connection
version_added: 0.1.0
description:
  - Installs the updates that are asked for, or an exact list of packages, with apt, dnf or zypper, never interactively.
  - The transaction is a job of the host itself. It runs in a systemd unit of its own (without systemd, in a detached process) and goes on
    when the connection is cut or the controller dies. A second call with the same O(run_id) and O(step) comes back to it, or returns
    its stored result, also after a reboot; it never starts twice.
  - Before it, an interrupted transaction is repaired, the package manager's lock is waited for, and free space is checked. After it
    the host is looked at again. A package is installed when it is seen there, whatever the tool said.
  - Nothing that is excluded or held is changed, and nothing is removed unless O(allow_removals) says so. What depends on such a
    package is left out too, with the reason. Install reasons (automatic, manual) stay as they were; of new packages those that
    O(packages) names are manual, unless the list is a recorded one (O(expect_digest)).
  - The result has the same shape on success and on failure.
extends_documentation_fragment:
  - fleetops.patchtrain.attributes
  - fleetops.patchtrain.selection
attributes:
  check_mode:
    support: full
    details:
      - Returns the exact transaction. Neither packages nor metadata are changed, so O(refresh) has no effect.
  diff_mode:
    support: full
    details:
      - A line of name, architecture and version for each package that changes.
options:
  download_only:
    description: Fetch what would be installed into the package manager's cache, and install nothing.
    type: bool
    default: false
  refresh:
    description: Fetch the sources' metadata first.
    type: bool
    default: false
  deadline:
    description:
      - Epoch seconds after which no transaction begins. It is looked at right before; when it has passed, all packages are V(deferred).
        A transaction that has begun is never cut.
    type: float
  begin_within:
    description:
      - Seconds, counted from this call by the host, after which no transaction begins, as with O(deadline). It holds also where the host's
        time of day is wrong. A run gives what is left of the host's window.
    type: float
  keep_config:
    description: Whether changed configuration files are kept as they are. Otherwise the packages' own are taken.
    type: bool
    default: true
  expect_digest:
    description:
      - The digest of the transaction that was planned. When this is another one now, nothing is touched, and the failure names
        the differences.
      - Packages of O(packages) that have their version already are no difference, so that an interrupted transaction can be finished.
    type: str
  run_id:
    description: The run that this belongs to. Without it each call is one of its own.
    type: str
  step:
    description: The step of the run; a run has one job on a host for each.
    type: str
    default: install
  wait:
    description:
      - Wait at most so many seconds, and then return what is known with RV(finished=false). With V(0), wait until the end, which
        has to come within O(timeout).
    type: float
    default: 0
  timeout:
    description:
      - Limit in seconds for all that can be given up (refreshing, downloading, beginning the transaction), and for waiting. A job
        that takes longer is a failure of this task; the job itself goes on.
    type: float
    default: 3600
  lock_timeout:
    description: Limit in seconds for waiting until other package managers on the host are done.
    type: float
    default: 600
  assess:
    description:
      - Whether what is pending afterwards is looked at, for RV(assessment); some package managers take seconds for it. After a failure it always is.
      - Without it the classification of O(packages) is not looked up either, and V(unknown) where the host is attached to no release.
      - A run has classified them before, and looks when the host is back in service.
    type: bool
    default: true
  state_dir:
    description: Where jobs are kept, for root alone.
    type: path
    default: /var/lib/patchtrain
author:
  - fleetops.patchtrain contributors (@fleetops)
seealso:
  - module: fleetops.patchtrain.host_assess
"""

EXAMPLES = r"""
- name: Install all security updates but the kernel's
  fleetops.patchtrain.updates_install:
    classifications: [security]
    exclude: ["linux-image-*"]
  become: true

- name: Show exactly what would happen
  fleetops.patchtrain.updates_install:
  become: true
  check_mode: true
  diff: true

- name: Bring two packages to the versions that were tested, or fail before anything is touched
  fleetops.patchtrain.updates_install:
    packages:
      - {name: nginx, version: 1.22.1-9+deb12u3}
      - {name: openssl, version: 3.0.17-1~deb12u2}
    expect_digest: "{{ plan.digest }}"
    run_id: web-2026-11
    refresh: true
  become: true
"""

RETURN = r"""
finished:
  description: Whether the job has ended. When not, call again with the same O(run_id) and O(step).
  returned: always
  type: bool
packages:
  description: What became of each package, also of those that were left out.
  returned: always
  type: list
  elements: dict
  contains:
    name: {description: The package's name., type: str}
    arch: {description: Its architecture., type: str}
    from: {description: "The version before, null for a new package.", type: str}
    to: {description: "The version that was asked for, null for a removed package.", type: str}
    classification: {description: One of the values of O(classifications)., type: str}
    result: {description: "One of V(installed), V(failed), V(pending), V(excluded), V(deferred), V(held).", type: str}
    reason: {description: "Why, where it is not obvious.", type: str}
plan:
  description: The transaction.
  returned: always
  type: dict
  contains:
    changes:
      description:
        - Name, arch, from, to, classification, advisories and CVEs of each package. C(to) is null for one that goes; C(replaced_by) then
          names the package that takes its place, if one does.
      type: list
      elements: dict
    left_out: {description: What was asked for and is not part of it., type: list, elements: dict}
    digest: {description: Identifies the transaction., type: str}
    download_size: {description: Bytes to fetch., type: int}
    installed_size: {description: Bytes by which the host's disk fills., type: int}
reboot:
  description: Whether the host has to be rebooted, and what asks for it.
  returned: always
  type: dict
  contains:
    required: {description: Null when that is not known., type: bool}
    reasons: {description: What asks for it., type: list, elements: str}
assessment:
  description: What the host lacks afterwards, as M(fleetops.patchtrain.updates_info) returns it, from the metadata that it has.
  returned: when the job came to its end
  type: dict
leftover_config:
  description: Configuration files that the transaction left beside existing ones.
  returned: always
  type: list
  elements: str
repaired:
  description: The interrupted transaction that was repaired first, in check mode the one that would be.
  returned: always
  type: str
log:
  description: The end of what the tools printed.
  returned: always
  type: str
log_path:
  description: Where all of it is on the host.
  returned: always
  type: str
boot_id:
  description: The boot id of the host at the end of the job.
  returned: always
  type: str
job:
  description:
    - The job's C(id), C(unit), C(directory), and the C(python) and C(program) that wait for it
      (C(python -I -S program wait directory --limit 30)).
  returned: when there is a job
  type: dict
status:
  description: The job's C(phase), C(since) when, how many packages of C(total) are C(done), and the log's C(tail).
  returned: when there is a job
  type: dict
run_id:
  description: The run it belongs to.
  returned: when there is a job
  type: str
error:
  description: The C(kind) of failure, and its data.
  returned: failure
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.errors import PatchtrainError
from ..module_utils.job import client
from ..module_utils.job.asked import SPEC, perform


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    try:
        result = perform(module.params, module.check_mode)
    except PatchtrainError as error:
        result = client.broken(error)
    if not module._diff:
        result.pop("diff")
    if result["failed"]:
        module.fail_json(**result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
