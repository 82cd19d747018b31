#!/usr/bin/python
# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: package_download
short_description: Bring the files of exactly named packages into a folder
version_added: 0.1.0
description:
  - Fetches the files of exactly these packages by the host's own package manager from its own sources, which it verifies as for an
    installation. Nothing is installed, and nothing that is excluded or held on the host is left out.
  - apt's files are checked against the SHA-256 of the signed index. dnf and zypper check against their index; where dnf's source
    asks for signed packages (C(gpgcheck)), the signature of each file is checked as well, with the keys that the host has.
  - Works from the metadata that the host has. What no source has any more fails the task, by name, before anything is fetched.
  - A second run fetches again only what is not there or not right. Without C(dnf)'s C(download) command it installs nothing either,
    but asks for packages by C(reinstall) and C(install) with C(--downloadonly).
extends_documentation_fragment:
  - fleetops.patchtrain.attributes
options:
  packages:
    description: The packages, as M(fleetops.patchtrain.package_snapshot_info) names them.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The package's name.
        type: str
        required: true
      arch:
        description: Its architecture, V(all) or V(noarch) where it is built for any.
        type: str
        required: true
      version:
        description: The version, with epoch and release as the package manager writes it.
        type: str
        required: true
  streams:
    description:
      - Module streams, as V(nodejs:20), whose descriptions are brought along, in one file as in C(modules.yaml) of a source. Only dnf has them.
    type: list
    elements: str
    default: []
  directory:
    description:
      - Where the files come to lie, an absolute path. Made if it is not there; only this user can enter it.
    type: path
    required: true
  timeout:
    description: How many seconds the download may take.
    type: float
    default: 3600
  manager:
    description: The package manager. V(auto) is the host's own.
    type: str
    choices: [auto, apt, dnf, zypper]
    default: auto
author:
  - fleetops.patchtrain contributors (@fleetops)
seealso:
  - module: fleetops.patchtrain.package_snapshot_info
  - module: fleetops.patchtrain.release
"""

EXAMPLES = r"""
- name: The file of one package
  fleetops.patchtrain.package_download:
    packages:
      - name: openssl
        arch: amd64
        version: 3.0.20-1~deb12u2
    directory: /var/lib/patchtrain/outgoing

- name: What of this host can't be had any more?
  fleetops.patchtrain.package_download:
    packages: "{{ snapshot.packages }}"
    directory: /var/lib/patchtrain/outgoing
  check_mode: true
  register: looked
"""

RETURN = r"""
files:
  description: The files, sorted by package. Empty in check mode.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: The package's name., type: str}
    arch: {description: Its architecture., type: str}
    version: {description: Its version., type: str}
    file: {description: The file's name in O(directory)., type: str}
    size: {description: Its size in bytes., type: int}
    sha256: {description: Its SHA-256 in hexadecimal digits., type: str}
  sample:
    - name: openssl
      arch: amd64
      version: 3.0.20-1~deb12u2
      file: openssl_3.0.20-1~deb12u2_amd64.deb
      size: 1438712
      sha256: 4d218561dc838de081de97f54584c4a29e77e26c7ed9fe3440d776d8e6071bf9
modules:
  description: The file that describes O(streams), with all their builds, and which stream is the default of their modules; null where none was asked for.
  returned: success
  type: dict
  sample: {file: modules-9a3d2e4f6a8b0c1d.yaml, size: 5120, sha256: 9a3d2e4f6a8b0c1d2e3f4a5b8f6c0a1d5e1b4c7b9a3d2e4f6a8b0c1d2e3f4a5b}
missing_streams:
  description: Streams that no source describes. In check mode that is no failure.
  returned: always
  type: list
  elements: dict
  contains:
    stream: {description: The stream., type: str}
    reason: {description: Why., type: str}
missing:
  description: Packages that no source has at this version. In check mode that is no failure.
  returned: always
  type: list
  elements: dict
  contains:
    name: {description: The package's name., type: str}
    arch: {description: Its architecture., type: str}
    version: {description: The version that was asked for., type: str}
    reason: {description: "Why, and which versions there are.", type: str}
  sample:
    - name: openssl
      arch: amd64
      version: 3.0.19-1
      reason: its sources have 3.0.20-1~deb12u2
error:
  description: The C(kind) of failure, and its data.
  returned: failure
  type: dict
  sample: {kind: TransactionImpossible}
"""

from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.errors import PatchtrainError
from ..module_utils.packages.detect import detect
from ..module_utils.release.download import FETCHERS, describer, download, order
from ..module_utils.runner import SystemRunner

SPEC: Dict[str, Any] = {
    "packages": {"type": "list", "elements": "dict", "required": True, "options": {
        "name": {"type": "str", "required": True}, "arch": {"type": "str", "required": True}, "version": {"type": "str", "required": True}}},
    "streams": {"type": "list", "elements": "str", "default": []},
    "directory": {"type": "path", "required": True},
    "timeout": {"type": "float", "default": 3600},
    "manager": {"type": "str", "choices": ["auto", "apt", "dnf", "zypper"], "default": "auto"},
}


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    runner = SystemRunner()
    try:
        asked = order(module.params, module.check_mode)
        manager = detect(runner, module.params["manager"]).name
        result = download(FETCHERS[manager](runner), asked, describer(manager, runner))
    except PatchtrainError as error:
        module.fail_json(changed=False, missing=error.data.get("missing", []), missing_streams=error.data.get("missing_streams", []), **error.as_result())
    module.exit_json(**result)


if __name__ == "__main__":
    main()
