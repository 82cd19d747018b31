#!/usr/bin/python
# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_repository
short_description: Publish releases as signed repositories, on the repository host
version_added: 0.1.0
description:
  - Makes signed package repositories for apt, dnf and zypper of a release, renews their signatures, checks and removes them. Each package file lies
    there once, however many releases hold it.
  - A release appears whole, by one rename, and its packages, indexes and manifest are never written again. What was cut is done again by the
    next call, and of two calls at once the second waits.
  - The controller's M(fleetops.patchtrain.release) calls it.
extends_documentation_fragment:
  - fleetops.patchtrain.attributes
options:
  root:
    description: The folder of the repository, which a web server may give to hosts. It belongs to this module alone.
    type: path
    required: true
  state:
    description:
      - V(known) tells which of O(packages) are in the repository already.
      - V(present) publishes the release O(digest), or renews its signatures when it is published and not signed by exactly O(signing_keys).
      - V(signed) renews the signatures of all releases that are not by exactly O(signing_keys).
      - V(absent) removes the release O(digest), and all package files that no release holds any more.
      - V(verified) checks the release O(digest), or all releases, against their checksums and signatures.
    type: str
    required: true
    choices: [known, present, signed, absent, verified]
  digest:
    description: The digest of the release's manifest. Needed for O(state=present) and O(state=absent).
    type: str
  manifest:
    description: The release's manifest, as text in its canonical form. Needed for O(state=present).
    type: str
  packages:
    description: Lists of packages, each with C(name), C(arch) and C(version), by platform. Needed for O(state=known).
    type: dict
  files:
    description:
      - Lists of package files by platform, each with C(name), C(arch), C(version), C(file) (its name in O(incoming)), C(size) and C(sha256).
        Every package of the manifest has one. Needed for O(state=present).
    type: dict
  incoming:
    description:
      - The folder that the files were brought to; it should be on the same file system as O(root), because files are moved from there. Those that the
        repository has already need not be in it.
    type: path
  modules:
    description: The names of the files in O(incoming) that describe module streams (as C(modules.yaml) does), a list by platform.
    type: dict
    default: {}
  signing_keys:
    description:
      - Fingerprints, key ids or user ids of the OpenPGP keys that sign. Needed for O(state=present) and O(state=signed). With O(state=verified), the
        signatures have to be by each of them; without, by any key that is published in the repository.
    type: list
    elements: str
    default: []
  gpg_home:
    description: The key ring that has the secret keys. They have no passphrase, or its agent knows it.
    type: path
    default: /root/.gnupg
  timeout:
    description: Limit in seconds for all that is done, the wait for another publisher included.
    type: float
    default: 3600
author:
  - fleetops.patchtrain contributors (@fleetops)
seealso:
  - module: fleetops.patchtrain.release
  - module: fleetops.patchtrain.package_download
"""

EXAMPLES = r"""
- name: Which files need not be downloaded?
  fleetops.patchtrain.release_repository:
    root: /srv/patchtrain
    state: known
    packages:
      debian-12-amd64-apt:
        - {name: openssl, arch: amd64, version: 3.0.20-1~deb12u2}
  register: known

- name: Publish a release
  fleetops.patchtrain.release_repository:
    root: /srv/patchtrain
    state: present
    digest: "{{ captured.digest }}"
    manifest: "{{ lookup('ansible.builtin.file', 'manifest.json', rstrip=false) }}"
    files: "{{ files }}"
    incoming: /srv/patchtrain/incoming/gl-1
    signing_keys: [8F6C0A1D5E1B4C7B9A3D2E4F6A8B0C1D2E3F4A5B]

- name: Rotate keys, first half; hosts that know one of them go on
  fleetops.patchtrain.release_repository:
    root: /srv/patchtrain
    state: signed
    signing_keys: [8F6C0A1D5E1B4C7B9A3D2E4F6A8B0C1D2E3F4A5B, 1B4C7B9A3D2E4F6A8B0C1D2E3F4A5B8F6C0A1D5E]

- name: Is everything as it was published?
  fleetops.patchtrain.release_repository:
    root: /srv/patchtrain
    state: verified
  register: looked
  failed_when: looked.problems | length > 0
"""

RETURN = r"""
digest:
  description: The release's digest.
  returned: O(state=present) and O(state=absent)
  type: str
  sample: 5f1d7a84db3d9a1b3b0c9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f4a3b2c1d0e9f8a
files_digest:
  description: The SHA-256 of the release's C(files.json), which has the checksum of each package file.
  returned: O(state=present)
  type: str
  sample: 0c9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f4a3b2c1d0e9f8a5f1d7a84db3d9a1b3b
keys:
  description: The public keys that sign, armoured.
  returned: O(state=present) and O(state=signed)
  type: list
  elements: str
files:
  description: The files of O(packages) that the repository has, by platform.
  returned: O(state=known)
  type: dict
  sample:
    debian-12-amd64-apt:
      - name: openssl
        arch: amd64
        version: 3.0.20-1~deb12u2
        file: openssl_3.0.20-1~deb12u2_amd64.deb
        size: 1430000
        sha256: 9a3d2e4f6a8b0c1d2e3f4a5b8f6c0a1d5e1b4c7b9a3d2e4f6a8b0c1d2e3f4a5b
releases:
  description: The digests of the releases that were changed; with O(state=known) and O(state=verified), of all that were looked at.
  returned: success
  type: list
  elements: str
problems:
  description: What is wrong, a line each. Always empty but for O(state=verified).
  returned: success
  type: list
  elements: str
  sample: ["/srv/patchtrain/releases/5f1d.../debian-12-amd64-apt/pool/openssl_3.0.20-1~deb12u2_amd64.deb is missing"]
error:
  description: The C(kind) of failure, and its data.
  returned: failure
  type: dict
  sample: {kind: KeyUnusable, key: 8F6C0A1D5E1B4C7B9A3D2E4F6A8B0C1D2E3F4A5B}
"""

from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.clock import Clock, Deadline
from ..module_utils.errors import PatchtrainError
from ..module_utils.repository.layout import Root, clear_failures
from ..module_utils.repository.publish import Request, present, remove, sign_all
from ..module_utils.repository.published import known
from ..module_utils.repository.verify import verify
from ..module_utils.runner import SystemRunner

SPEC: Dict[str, Any] = {
    "root": {"type": "path", "required": True},
    "state": {"type": "str", "required": True, "choices": ["known", "present", "signed", "absent", "verified"]},
    "digest": {"type": "str"},
    "manifest": {"type": "str"},
    "packages": {"type": "dict"},
    "files": {"type": "dict"},
    "incoming": {"type": "path"},
    "modules": {"type": "dict", "default": {}},
    "signing_keys": {"type": "list", "elements": "str", "default": [], "no_log": False},
    "gpg_home": {"type": "path", "default": "/root/.gnupg"},
    "timeout": {"type": "float", "default": 3600},
}

REQUIRED_IF = [
    ("state", "known", ["packages"]),
    ("state", "present", ["digest", "manifest", "files", "incoming"]),
    ("state", "absent", ["digest"]),
]


def perform(options: Dict[str, Any], check_mode: bool) -> Dict[str, Any]:
    runner, root, deadline = SystemRunner(), Root(options["root"]), Deadline(options["timeout"], Clock())
    state = options["state"]
    if state == "known":
        with clear_failures(root):
            return {"files": known(root, options["packages"]), "releases": root.published()}
    if state == "present":
        return present(runner, root, _request(options, check_mode), deadline)
    if state == "signed":
        return sign_all(runner, root, options["signing_keys"], options["gpg_home"], check_mode, deadline)
    if state == "absent":
        return remove(root, options["digest"], check_mode, deadline)
    digests = [options["digest"]] if options["digest"] else root.published()
    return {"problems": verify(runner, root, digests, options["gpg_home"], options["signing_keys"], deadline), "releases": digests}


def _request(options: Dict[str, Any], check_mode: bool) -> Request:
    names = ("digest", "manifest", "files", "incoming", "signing_keys", "gpg_home")
    modules = {key: [names] if isinstance(names, str) else list(names) for key, names in options["modules"].items()}
    return Request(check_mode=check_mode, modules=modules, **{name: options[name] for name in names})


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, required_if=REQUIRED_IF, supports_check_mode=True)
    try:
        result = dict({"changed": False, "problems": []}, **perform(module.params, module.check_mode))
    except PatchtrainError as error:
        module.fail_json(changed=False, **error.as_result())
    module.exit_json(**result)


if __name__ == "__main__":
    main()
