# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same for hosts of dnf and zypper: packages of which several versions stand beside each other, named as each distribution names its own.
What runs is known to the collection alone: dnf protects the machine's kernel, and of that no package is there."""

from __future__ import annotations

from dataclasses import dataclass

from lab_kernels import pretend
from lab_release import REPOSITORY, ROOT_FOLDER, ReleaseFleet

OLD, NEW, NEXT = "31", "32", "33"


@dataclass(frozen=True)
class Kind:
    """``version`` is a package's version and release, ``name`` what ``uname -r`` says; of both, ``{}`` is the count."""

    packages: tuple[str, ...]
    version: str
    name: str
    setup: str

    def release(self, count: str) -> str:
        return self.name.format(count)

    def evr(self, count: str) -> str:
        return self.version.format(count)


KINDS = {
    "dnf": Kind(("kernel-core", "kernel"), "6.1.{}-427.el9", "6.1.{}-427.el9.x86_64",
                "printf '%s' > /etc/yum.repos.d/kernels.repo && dnf -y --refresh install kernel-{evr}"),
    # uname leaves out the last number of SUSE's release. Without the setting, which SUSE has, zypper would replace the kernel.
    "zypper": Kind(("kernel-default",), "6.1.{}-150600.21.1", "6.1.{}-150600.21-default",
                   "printf '%s' > /etc/zypp/repos.d/kernels.repo && printf '[main]\\nmultiversion = provides:multiversion(kernel)\\n' > "
                   "/etc/zypp/zypp.conf && zypper -n --no-gpg-checks refresh && zypper -n --no-gpg-checks install kernel-default={evr}"),
}

_SPEC = """Name: {name}
Version: {version}
Release: {release}
Summary: a kernel
License: GPL-3.0-or-later
AutoReqProv: no
Provides: installonlypkg(kernel)
Provides: multiversion(kernel)
{needs}
%description
A kernel.
%install
mkdir -p %{{buildroot}}/boot
{image}
%files
{files}
"""

_BUILD = """set -e
scratch=$(mktemp -d); mkdir -p {top}
cat > $scratch/package.spec <<'END'
{spec}END
rpmbuild -bb --quiet --nodeps --target=x86_64-linux --define "_topdir $scratch" --define "_dbpath $scratch/db" $scratch/package.spec
mv $scratch/RPMS/x86_64/*.rpm {top}/; rm -rf $scratch
createrepo_c --quiet {top}
"""


def publish_rpm_kernels(fleet: ReleaseFleet) -> None:
    """Each in a source of its own."""
    for manager, kind in KINDS.items():
        for count in (OLD, NEW, NEXT):
            for name in kind.packages:
                fleet.sh(REPOSITORY, _BUILD.format(top="%s/kernels-%s-%s" % (ROOT_FOLDER, manager, count), spec=_spec(kind, name, count)))


def _spec(kind: Kind, name: str, count: str) -> str:
    """The first of a kind has the kernel in it, and the other one stands for it."""
    version, release = kind.evr(count).split("-")
    carries = name == kind.packages[0]
    path = "/boot/vmlinuz-%s" % kind.release(count)
    return _SPEC.format(name=name, version=version, release=release, needs="" if carries else "Requires: %s = %s" % (kind.packages[0], kind.evr(count)),
                        image="echo kernel > %%{buildroot}%s" % path if carries else "", files=path if carries else "")


def boot_rpm(fleet: ReleaseFleet, host: str, count: str) -> None:
    """The host has this kernel beside those that it had, from its source, and runs it."""
    kind, manager = KINDS[fleet.managers[host]], fleet.managers[host]
    source = "[kernels]\\nname=Kernels\\nbaseurl=http://%s/kernels-%s-%s\\nenabled=1\\ngpgcheck=0\\n" % (fleet.address(REPOSITORY), manager, count)
    fleet.sh(host, (kind.setup % source).replace("{evr}", kind.evr(count)))
    pretend(fleet, host)
    fleet.sh(host, "rm -f /run/lab-kernel")
    assert fleet.sh(host, "uname -r") == kind.release(count)
