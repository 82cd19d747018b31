# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests of releases ask of the lab: upstream that moves on, a repository host with keys, hosts that join, and what is on a host."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lab_fleet import NAME, Fleet, wait_for
from patchlab.definitions import LEVELS
from patchlab.topology import topology
from patchlab.traffic import Traffic
from patchlab.watch import Watch

V0, V1, V2 = LEVELS
"""What hosts begin with; what golden hosts are at; what upstream moves to."""

REPOSITORY = "repo1"
ROOT_FOLDER = "/srv/patchtrain"
GPG_HOME = "/var/lib/patchtrain/gnupg"
WEB = ("web1", "web2", "web3")
GOLDEN = {"apt": "gold-apt", "dnf": "gold-dnf", "zypper": "gold-zypper"}

Versions = dict[str, str]

_UPDATE = {
    "apt": "apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -y dist-upgrade",
    "dnf": "dnf -y --refresh upgrade",
    "zypper": "zypper -n --no-gpg-checks refresh --force && zypper -n update",
}
_DPKG = "dpkg-query -W -f '${db:Status-Abbrev}\\t${binary:Package}\\t${Version}\\n'; echo \"native $(dpkg --print-architecture)\""
_RPM = "rpm -qa --qf '%{NAME}\\t%{ARCH}\\t%{EPOCHNUM}\\t%{VERSION}-%{RELEASE}\\n'"
_GPG = "gpg --batch --quiet --no-tty --homedir " + GPG_HOME


class ReleaseFleet(Fleet):
    """A lab of one of the topologies for releases; ``standing`` brings it up and takes it down."""

    def __init__(self, state: Path, shape: str) -> None:
        super().__init__(state, "-".join([NAME, shape]))
        self.shape = shape
        self.managers = {spec.name: spec.manager for spec in topology(shape)}

    def first_day(self) -> None:
        """Upstream at v1, each host as it was brought up, those that join later not there."""
        running = self.running()
        if running:
            self.lab("mend", *running)
        set_upstream(self, V1)
        self.lab("reset")
        self.all_up()

    def all_up(self) -> None:
        if "lb1" in self.managers:
            super().all_up()


@contextmanager
def standing(state: Path, shape: str) -> Iterator[str]:
    """The lab of a topology, for as many tests as there are; each makes a ``ReleaseFleet`` of its own."""
    keeper = ReleaseFleet(state, shape)
    keeper.lab("up", "--topology", shape)
    yield shape
    keeper.lab("down")


# --- upstream ------------------------------------------------------------------------------------------------------------


def set_upstream(fleet: Fleet, level: str, gone: bool = False) -> None:
    """What upstream shows from now on; with ``gone`` nothing but the newest versions."""
    fleet.lab("upstream", level, *(["--gone"] if gone else []))


def update(fleet: ReleaseFleet, *hosts: str) -> None:
    """Bring hosts to what upstream shows, with their own package manager."""
    for host in hosts:
        fleet.sh(host, _UPDATE[fleet.managers[host]])


def update_golden(fleet: ReleaseFleet) -> list[str]:
    """All golden hosts of the lab, brought to what upstream shows."""
    hosts = [host for host in GOLDEN.values() if host in fleet.managers]
    update(fleet, *hosts)
    return hosts


def start_new(fleet: Fleet, host: str = "new1") -> None:
    """A host joins, at the first level."""
    fleet.lab("start", host)
    fleet.all_up()


# --- the repository host -------------------------------------------------------------------------------------------------


def repository_url(fleet: Fleet, scheme: str = "http") -> str:
    return "%s://%s" % (scheme, fleet.address(REPOSITORY))


def signing_key(fleet: Fleet, owner: str = "Lab releases", expired: bool = False) -> str:
    """A new key in the repository host's own keyring, without a passphrase; its fingerprint. An expired one signs nothing any more."""
    when = "--faked-system-time 20250101T000000" if expired else ""
    script = "install -d -m 0700 %s && %s %s --status-fd 1 --pinentry-mode loopback --passphrase '' --quick-generate-key %s rsa2048 sign %s" % (
        GPG_HOME, _GPG, when, shlex.quote(owner), "1d" if expired else "never")
    said = fleet.sh(REPOSITORY, script)
    _end_agent(fleet)
    return next(line.split()[3] for line in said.splitlines() if "KEY_CREATED" in line)


def expire_key(fleet: Fleet, fingerprint: str) -> None:
    """A key that has signed runs out."""
    fleet.sh(REPOSITORY, "%s --pinentry-mode loopback --passphrase '' --quick-set-expire %s seconds=1" % (_GPG, fingerprint))
    wait_for(lambda: _validity(fleet, fingerprint) == "e", "key %s to expire" % fingerprint)
    _end_agent(fleet)


def _validity(fleet: Fleet, fingerprint: str) -> str:
    said = fleet.sh(REPOSITORY, "%s --with-colons --list-keys %s" % (_GPG, fingerprint))
    return next(line.split(":")[1] for line in said.splitlines() if line.startswith("pub:"))


def public_key(fleet: Fleet, fingerprint: str) -> str:
    """The armoured key, as a site would keep it in its settings."""
    return fleet.sh(REPOSITORY, "%s --armor --export %s" % (_GPG, fingerprint)) + "\n"


def _end_agent(fleet: Fleet) -> None:
    """It would go on with the keyring that it knows."""
    fleet.sh(REPOSITORY, "gpgconf --homedir %s --kill all" % GPG_HOME)


@contextmanager
def small_disk(fleet: Fleet, megabytes: int) -> Iterator[Callable[[], None]]:
    """The repository's folder on a disk of its own, which what is there fills but for so much; what is yielded makes room."""
    def larger() -> None:
        fleet.sh(REPOSITORY, "mount -o remount,size=1g %s" % ROOT_FOLDER)

    used = int(fleet.sh(REPOSITORY, "du -sm %s | cut -f1" % ROOT_FOLDER))
    fleet.sh(REPOSITORY, "rm -rf /var/tmp/was && cp -a {0} /var/tmp/was && mount -t tmpfs -o size={1}m tmpfs {0} && cp -a /var/tmp/was/. {0}/".format(
        ROOT_FOLDER, used + megabytes))
    try:
        yield larger
    finally:
        fleet.sh(REPOSITORY, "cp -a {0} /var/tmp/is && umount {0} && find {0} -mindepth 1 -delete && cp -a /var/tmp/is/. {0}/ && "
                             "rm -rf /var/tmp/is /var/tmp/was".format(ROOT_FOLDER))


# --- what is on a host ---------------------------------------------------------------------------------------------------


def versions(fleet: ReleaseFleet, host: str) -> Versions:
    """All that is installed: name to version, of a foreign architecture as ``name:arch``; asked of dpkg or rpm, not of the collection."""
    if fleet.managers[host] == "apt":
        return parse_dpkg(fleet.sh(host, _DPKG))
    return parse_rpm(fleet.sh(host, _RPM))


def lab_versions(fleet: ReleaseFleet, host: str) -> Versions:
    """The lab's own packages alone, the same on hosts of every manager: rpm's release is left out."""
    own = {name: version for name, version in versions(fleet, host).items() if name.startswith("patchlab-") and name != "patchlab-release"}
    return own if fleet.managers[host] == "apt" else {name: version.rpartition("-")[0] for name, version in own.items()}


def parse_dpkg(text: str) -> Versions:
    """Lines ``ii <tab> name[:arch] <tab> version``, then the host's own architecture; pure."""
    native = ":" + text.rpartition("native ")[2].strip()
    rows = [line.split("\t") for line in text.splitlines() if "\t" in line]
    return {name.removesuffix(native): version for status, name, version in rows if status[1] == "i"}


def parse_rpm(text: str) -> Versions:
    """Lines ``name <tab> arch <tab> epoch <tab> version-release``; pure."""
    found = {}
    for name, arch, epoch, version in (line.split("\t") for line in text.splitlines()):
        key = "%s:%s" % (name, arch) if arch == "i686" else name
        found[key] = version if epoch == "0" else "%s:%s" % (epoch, version)
    return found


def auto_marks(fleet: ReleaseFleet, host: str) -> set[str]:
    """The packages that are there only because others need them."""
    manager = fleet.managers[host]
    if manager == "apt":
        return set(fleet.sh(host, "apt-mark showauto").split())
    if manager == "dnf":
        said = fleet.sh(host, "dnf -q -C repoquery --installed --qf '%{name} %{reason}'")
        return {line.split()[0] for line in said.splitlines() if line.endswith(" dependency")}
    said = fleet.sh(host, "cat /var/lib/zypp/AutoInstalled 2>/dev/null || true")
    return {line for line in said.splitlines() if line and not line.startswith("#")}


# --- what clients see ----------------------------------------------------------------------------------------------------


def traffic(fleet: Fleet) -> Traffic:
    return Traffic("http://%s/" % fleet.address("lb1"))


def watch(fleet: Fleet) -> Watch:
    return Watch({host: fleet.address(host) for host in WEB}, fleet.address("lb1"))
