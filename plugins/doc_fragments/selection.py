# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options by which updates are selected, shared by C(host_assess) and C(updates_install)."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  classifications:
    description:
      - Which kinds of updates are asked for.
      - V(other) are updates of a source that says which of its updates are security, and these are not; V(unknown) comes from a
        source that says nothing.
    type: list
    elements: str
    choices: [security, bugfix, enhancement, other, unknown]
    default: [security, bugfix, enhancement, other, unknown]
  include:
    description:
      - Only updates that match one of these, of the kinds in O(classifications); without it all of them.
      - Globs over package names, or ids of advisories and CVEs.
      - An update that its publisher still phases in (Ubuntu) comes only when it is named here or in O(packages), so that all hosts
        get it or none.
    type: list
    elements: str
    default: []
  exclude:
    description:
      - No update that matches one of these. What needs an excluded package to change is left out as well, with the reason.
      - Globs over package names, or ids of advisories and CVEs.
    type: list
    elements: str
    default: []
  packages:
    description:
      - Exactly these packages at exactly these versions, as the package manager writes them. The other criteria do not count then.
    type: list
    elements: dict
    suboptions:
      name:
        description: The package's name.
        type: str
        required: true
      version:
        description: The version it has to have, with epoch and release.
        type: str
        required: true
      arch:
        description: Its architecture. By default that of the installed package, else the host's.
        type: str
        default: ''
  security_level:
    description:
      - V(latest) takes the newest version of a package that has a security update, V(minimal) the lowest one that carries all its
        security fixes.
    type: str
    choices: [latest, minimal]
    default: latest
  security_patterns:
    description:
      - For apt, which sources' updates are security. Globs over C(origin:archive) and C(label:codename) of their release files.
      - By default the security suites of Debian and Ubuntu.
    type: list
    elements: str
  known_patterns:
    description:
      - For apt, which sources are known to mark security updates by O(security_patterns), so that their other updates are
        V(other) and not V(unknown). Globs as there.
      - By default Debian and Ubuntu.
    type: list
    elements: str
  allow_downgrade:
    description: Whether a package of O(packages) may go to a lower version.
    type: bool
    default: false
  allow_removals:
    description:
      - Whether packages may be removed by the transaction. Otherwise an update that would remove one is left out and named.
      - A package that one of O(packages) says to take the place of (a renamed package) goes without it; the plan names both.
    type: bool
    default: false
  manager:
    description: The host's package manager.
    type: str
    choices: [auto, apt, dnf, zypper]
    default: auto
"""
