#!/usr/bin/python
# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name; this file is never executed."""

from __future__ import annotations

DOCUMENTATION = r"""
module: release
short_description: Capture, derive, publish, promote and compare releases
version_added: 0.1.0
description:
  - A release is an immutable, named set of exact package versions per platform, taken from golden hosts. The digest of its manifest is its
    identity. A name is never used for another content.
  - Names, manifests, publications and stages are in the ledger, with who did what, when and why. Hosts and the repository host are
    reached by the action itself, so the task needs C(run_once) and no C(delegate_to).
extends_documentation_fragment:
  - fleetops.patchtrain.attributes
  - fleetops.patchtrain.attributes.controller
options:
  state:
    description:
      - V(captured) makes the release O(name) from what the golden hosts (O(hosts)) have installed. Captured again with the same content it is
        the same release; with another content the name is refused.
      - V(derived) makes it from the release O(parent), plus what O(include) names with the dependencies they need. A golden host of each platform
        that is at the parent's level plans it from its own sources; nothing is installed there.
      - V(approved) records who approved it and the evidence of its test. Until then it is a candidate.
      - V(published) gathers its package files on the repository host and makes its signed repositories.
      - V(promoted) lets O(stage) point to it. V(put_back) lets O(stage) point to the release that it had before.
      - V(compared) compares it with another release (O(with_release)) or with what a host has (O(with_host)).
      - V(surveyed) asks upstream what has been published since that it does not carry. For apt the repository host asks (O(repository)), by the
        sources of a golden host; the rest is asked on golden hosts, and all of it on O(hosts) where these are given.
      - V(listed) tells all releases, and all that stages ever pointed to.
      - V(verified) checks its published files and indexes against their checksums.
      - V(signed) renews the signatures of all releases on the repository host, after O(repository.signing_keys) have changed.
      - V(deleted) removes it from the repository host. A release that a stage points to, or that a host runs, needs O(force) and O(reason).
    type: str
    required: true
    choices: [captured, derived, approved, published, promoted, put_back, compared, surveyed, verified, signed, deleted, listed]
  name:
    description:
      - The release's name. V(stage:NAME) is the release that a stage points to. Not needed for O(state=put_back), O(state=signed) and O(state=listed).
    type: str
  hosts:
    description: Golden hosts; by default the hosts of the play.
    type: list
    elements: str
  exclude:
    description: Globs over package names that the release leaves alone, beside the usual ones (keys, agents of clouds).
    type: list
    elements: str
    default: []
  include_unsourced:
    description: Whether packages that no source has are captured too. They can't be published unless an earlier release has them.
    type: bool
    default: false
  parent:
    description: The release that this one continues. Needed for O(state=derived).
    type: str
    default: ''
  include:
    description: Package names (globs), advisories and CVEs that a derived release takes beside its parent's content.
    type: list
    elements: str
    default: []
  evidence:
    description: What shows that the release was tested, for example the address of a test report.
    type: str
    default: ''
  approver:
    description: Who approved the release, for O(state=approved); by default who runs the play.
    type: str
  repository:
    description:
      - The repository host. Needed for O(state=published), O(state=verified), O(state=signed) and O(state=deleted). With O(state=compared), the changelogs
        inside its packages tell the CVEs of apt's packages. With O(state=surveyed), it asks upstream.
    type: dict
    suboptions:
      host:
        description: Its name in the inventory.
        type: str
        required: true
      root:
        description: Where its files lie there.
        type: str
        default: /srv/patchtrain
      url:
        description: By which address hosts reach O(repository.root), V(https://), V(http://) or V(file://). Needed for O(state=published).
        type: str
      signing_keys:
        description: Fingerprints of the OpenPGP keys that sign. With several, hosts that know one of them accept it. Not needed to verify and delete.
        type: list
        elements: str
        default: []
      gpg_home:
        description: The key ring that has the secret keys, on the repository host.
        type: str
        default: /root/.gnupg
  stage:
    description: The stage that is promoted or put back.
    type: str
  stages:
    description: All stages in their order. A later stage takes only what the stage before it has.
    type: list
    elements: str
    default: []
  gate:
    description:
      - Hosts of the stage before, all of which must be at the release and healthy for it to be promoted. Without it there is no gate.
    type: dict
    suboptions:
      hosts:
        description: Their names. None at all does not pass.
        type: list
        elements: str
        required: true
      hours:
        description: For how long they must have been so.
        type: float
        default: 0
      max_age:
        description: Seconds after which an assessment says nothing any more.
        type: float
        default: 86400
  force:
    description: Whether a rule is broken, for O(reason), which is recorded.
    type: bool
    default: false
  reason:
    description: Why; needed with O(force) and for O(state=put_back).
    type: str
    default: ''
  with_release:
    description: Another release.
    type: str
  with_host:
    description: A host of the inventory.
    type: str
  timeout:
    description: Limit in seconds for each thing that is done on a host.
    type: float
    default: 3600
author:
  - fleetops.patchtrain contributors (@fleetops)
"""

EXAMPLES = r"""
- name: Capture the golden hosts of this play
  fleetops.patchtrain.release:
    state: captured
    name: gl-1
    evidence: https://ci.example/reports/4711
  run_once: true

- name: Publish it
  fleetops.patchtrain.release:
    state: published
    name: gl-1
    repository:
      host: repo1
      url: http://repo1/patchtrain
      signing_keys: [8F6C0A1D5E1B4C7B9A3D2E4F6A8B0C1D2E3F4A5B]
  run_once: true

- name: Let production have what test has
  fleetops.patchtrain.release:
    state: promoted
    name: stage:test
    stage: prod
    stages: [dev, test, prod]
  run_once: true

- name: What would change?
  fleetops.patchtrain.release:
    state: compared
    name: gl-1
    with_release: gl-1.1
  run_once: true
"""

RETURN = r"""
name:
  description: The release's name.
  returned: success, but for O(state=signed)
  type: str
  sample: gl-1
digest:
  description: The SHA-256 of its manifest, which identifies it.
  returned: success, but for O(state=signed)
  type: str
  sample: 5f1d7a84db3d9a1b3b0c9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f4a3b2c1d0e9f8a
platforms:
  description: How many packages it has for each platform.
  returned: O(state=captured) and O(state=derived)
  type: dict
  sample: {debian-12-amd64-apt: 341}
changes:
  description:
    - For O(state=compared), what is different. For O(state=captured) and O(state=derived), what is different from the parent.
  returned: success
  type: list
  elements: dict
  contains:
    platform: {description: The platform., type: str}
    name: {description: The package., type: str}
    arch: {description: Its architecture., type: str}
    change: {description: "V(added), V(removed), V(up), V(down), or V(extra) for what a host has and the release does not know.", type: str}
    from: {description: The version before., type: str}
    to: {description: The version after., type: str}
    classification: {description: The gravest of what lies between the two versions., type: str}
    advisories: {description: The advisories that lie between., type: list, elements: str}
    cves: {description: The CVEs that lie between., type: list, elements: str}
streams:
  description:
    - For O(state=compared), the module streams of dnf that are different. For O(state=captured) and O(state=derived), those different from the
      parent's.
  returned: O(state=compared), O(state=captured) and O(state=derived)
  type: list
  elements: dict
  contains:
    platform: {description: The platform., type: str}
    module: {description: The module., type: str}
    change: {description: "V(added), V(removed), V(switched), or V(extra) for what a host has enabled and the release does not know.", type: str}
    from: {description: "The stream before, V(NAME:STREAM).", type: str}
    to: {description: The stream after., type: str}
text:
  description: The same as a table, empty where there is no change.
  returned: O(state=compared), O(state=captured) and O(state=derived)
  type: str
counts:
  description: How many changes of each kind.
  returned: O(state=compared)
  type: dict
left_out:
  description: Packages that no source has, by platform.
  returned: O(state=captured)
  type: dict
url:
  description: Where hosts reach it.
  returned: O(state=published)
  type: str
stage:
  description: The stage.
  returned: O(state=promoted) and O(state=put_back)
  type: str
previous:
  description: The release that the stage had before, null for none.
  returned: O(state=promoted) and O(state=put_back)
  type: str
keys:
  description: The public keys that sign, armoured.
  returned: O(state=signed)
  type: list
  elements: str
upstream:
  description: C(asked_at), C(counts) and C(oldest_age_s) by classification, and C(packages) with the version of the release and upstream's.
  returned: O(state=surveyed)
  type: dict
releases:
  description: All releases, the newest first, each with its digest, who captured and approved it, its stages, and whether it is published.
  returned: O(state=listed)
  type: list
  elements: dict
moves:
  description: What stages pointed to, the newest first, with who, when and why.
  returned: O(state=listed)
  type: list
  elements: dict
problems:
  description: What was found wrong.
  returned: O(state=verified)
  type: list
  elements: str
"""
