#!/usr/bin/python
# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: software_source
short_description: Give a host a release as its only source, or give it back what it had
version_added: 0.1.0
description:
  - Attached, the host's package manager sees the repository of one release and nothing else, but for sources that O(passthrough) names. All others
    are hidden by moving the place where sources are looked for, so that they stay hidden when a subscription manager, a service of zypper or
    an agent of a cloud writes them again.
  - The release is first tried beside the host's own sources. When it can't be reached, when its manifest is not the one of O(digest), or when a signature
    is not of one of O(keys), the module fails and the host keeps what it had.
  - Detached, the host has exactly the files that it had before.
extends_documentation_fragment:
  - fleetops.patchtrain.attributes
attributes:
  check_mode:
    support: full
    details:
      - Fetches the manifest and checks it, and does not ask the package manager.
  diff_mode:
    support: full
options:
  state:
    description: Whether the host has the release's source or its own.
    type: str
    choices: [attached, detached]
    default: attached
  release:
    description:
      - The name of a release or of a stage, or a digest. The ledger says where it is published and whose signature counts.
      - Known on the controller alone. What O(url), O(digest) and O(keys) say is then not asked for.
    type: str
  url:
    description:
      - The address of the release's directory, which ends in C(/releases/DIGEST). It begins with C(https://), C(http://) or C(file:///).
      - Needed with O(state=attached), unless O(release) is given.
    type: str
  digest:
    description: The digest of the release. Needed with O(state=attached), unless O(release) is given.
    type: str
  keys:
    description:
      - Armoured OpenPGP public keys whose signatures count, several while one is being replaced by another.
      - Needed with O(state=attached), unless O(release) is given.
    type: list
    elements: str
  passthrough:
    description: Globs over ids, addresses and file names of sources that stay visible beside the release's.
    type: list
    elements: str
    default: []
  package_gpgcheck:
    description:
      - Whether dnf and zypper also want a signature on each package of the release, by one of O(keys).
      - The release's index has the checksum of each package and is always checked by its signature.
    type: bool
    default: false
  ca:
    description:
      - PEM with the certificates of the authorities that may vouch for the server of a O(url) that begins with C(https://). They count for the
        release's source alone, and the manifest is fetched with none but them. Empty, those count that the host trusts.
      - With O(release), it is the file that C(patch_release_ca) names on the controller.
    type: str
    default: ""
  manager:
    description: The package manager. V(auto) is the host's own.
    type: str
    choices: [auto, apt, dnf, zypper]
    default: auto
  refresh_timeout:
    description: Limit in seconds for fetching the sources' metadata, which is done once for trial and once after the switch.
    type: float
    default: 300
  state_dir:
    description: Where the host keeps what it is attached to, for root alone.
    type: path
    default: /var/lib/patchtrain
notes:
  - Needs root. apt hosts and zypper hosts need C(gpgv), which they have.
  - Sources that are in C(/etc/dnf/dnf.conf) itself become comments there while the host is attached. Services of zypper's plugins are turned off.
author:
  - fleetops.patchtrain contributors (@fleetops)
seealso:
  - module: fleetops.patchtrain.host_assess
  - module: fleetops.patchtrain.release
"""

EXAMPLES = r"""
- name: The host sees this release and the site's own tools
  fleetops.patchtrain.software_source:
    url: https://packages.example/patchtrain/releases/9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    digest: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    keys: ["{{ lookup('ansible.builtin.file', 'release.asc') }}"]
    passthrough: ["https://tools.example/*"]
  become: true

- name: What the stage prod has
  fleetops.patchtrain.software_source:
    release: prod
  become: true

- name: The host has its own sources again
  fleetops.patchtrain.software_source:
    state: detached
  become: true
"""

RETURN = r"""
attached:
  description: What the host is attached to, null when it is detached.
  returned: success
  type: dict
  contains:
    digest: {description: The release., type: str}
    url: {description: Its address., type: str}
    platform: {description: Which part of it is this host's., type: str}
    passthrough: {description: Globs of sources that stay visible., type: list, elements: str}
    hidden: {description: Ids of the sources that are not seen any more., type: list, elements: str}
    previous: {description: "The same of what it was attached to before, or null.", type: dict}
  sample:
    digest: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    url: https://packages.example/patchtrain/releases/9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    platform: debian-12-amd64-apt
    passthrough: []
    hidden: ["http://mirror.example/debian bookworm/main"]
    previous: null
previous:
  description: What the host was attached to before this call, or null.
  returned: success
  type: dict
diff:
  description: Ids of the sources that the host sees, before and after.
  returned: success
  type: dict
error:
  description: The C(kind) of failure, and its data.
  returned: failure
  type: dict
"""

from typing import Any, Dict, Optional

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.errors import BadInput, PatchtrainError
from ..module_utils.packages.detect import detect
from ..module_utils.release.attached import ROOT
from ..module_utils.release.manifest import check_digest
from ..module_utils.runner import SystemRunner
from ..module_utils.sources.disk import Disk
from ..module_utils.sources.switch import Aim, Place, Result, attach, detach

SPEC: Dict[str, Any] = {
    "state": {"type": "str", "choices": ["attached", "detached"], "default": "attached"},
    "release": {"type": "str"},
    "url": {"type": "str"},
    "digest": {"type": "str"},
    "keys": {"type": "list", "elements": "str", "no_log": False},
    "passthrough": {"type": "list", "elements": "str", "default": [], "no_log": False},
    "package_gpgcheck": {"type": "bool", "default": False},
    "ca": {"type": "str", "default": ""},
    "manager": {"type": "str", "choices": ["auto", "apt", "dnf", "zypper"], "default": "auto"},
    "refresh_timeout": {"type": "float", "default": 300},
    "state_dir": {"type": "path", "default": ROOT},
}


def aim_from(options: Dict[str, Any]) -> Aim:
    missing = [name for name in ("url", "digest", "keys") if not options[name]]
    if missing:
        raise BadInput("%s: needed to attach a host, and not given%s" % (
            ", ".join(missing), "; a release by name is known on the controller alone" if options["release"] else ""), options=missing)
    return Aim(options["url"], check_digest(options["digest"]), options["keys"], options["passthrough"], options["package_gpgcheck"], options["ca"])


def shown(result: Result) -> Dict[str, Any]:
    before, after = ("".join(line + "\n" for line in lines) for lines in (result.before, result.after))
    return {"changed": result.changed, "attached": result.attached, "previous": result.previous,
            "diff": {"before_header": "visible sources", "after_header": "visible sources", "before": before, "after": after}}


def switched(options: Dict[str, Any], check_mode: bool) -> Result:
    aim: Optional[Aim] = aim_from(options) if options["state"] == "attached" else None
    runner = SystemRunner()
    place = Place(runner, Disk(), detect(runner, options["manager"]), options["state_dir"])
    if aim is None:
        return detach(place, options["refresh_timeout"], check_mode)
    return attach(place, aim, options["refresh_timeout"], check_mode)


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    try:
        result = switched(module.params, module.check_mode)
        for warning in result.warnings:
            module.warn(warning)
        module.exit_json(**shown(result))
    except PatchtrainError as error:
        module.fail_json(**error.as_result())


if __name__ == "__main__":
    main()
