# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's repository host over https, with a certificate of an authority of the lab's own, or with one that must not count."""

from __future__ import annotations

from pathlib import Path

from lab_fleet import Fleet
from lab_release import REPOSITORY, ROOT_FOLDER

_FOLDER = "/var/lib/lab-https"
_SITE = """server {
    listen 443 ssl default_server;
    ssl_certificate %s/server.pem;
    ssl_certificate_key %s/server.key;
    root %s;
    default_type application/octet-stream;
}
""" % (_FOLDER, _FOLDER, ROOT_FOLDER)


def authority(fleet: Fleet, name: str) -> Path:
    """A new one, whose key stays on the repository host; its certificate as a file of the controller."""
    text = fleet.sh(REPOSITORY, "mkdir -p {0} && cd {0} && openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout {1}.key -out {1}.pem "
                                "-subj '/O=The lab/CN={1}' -addext keyUsage=critical,keyCertSign,cRLSign && cat {1}.pem".format(_FOLDER, name))
    path = fleet.state / (name + ".pem")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n")
    return path


def serve(fleet: Fleet, name: str, address: str = "", days: int = 1) -> None:
    """From now on, with a certificate that this authority signed for an address, by default the host's own."""
    said = "subjectAltName=IP:%s" % (address or fleet.address(REPOSITORY))
    fleet.sh(REPOSITORY, "cd {0} && printf '%s\\n' '{1}' extendedKeyUsage=serverAuth > ext && openssl req -newkey rsa:2048 -nodes "
                         "-keyout server.key -out server.csr -subj '/O=The lab/CN=packages' && "
                         "openssl x509 -req -in server.csr -CA {2}.pem -CAkey {2}.key -CAcreateserial -days {3} -extfile ext -out server.pem".format(
                             _FOLDER, said, name, days))
    _restart(fleet)


def serve_self_signed(fleet: Fleet) -> None:
    fleet.sh(REPOSITORY, "cd {0} && openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout server.key -out server.pem -subj '/CN=packages' "
                         "-addext subjectAltName=IP:{1}".format(_FOLDER, fleet.address(REPOSITORY)))
    _restart(fleet)


def _restart(fleet: Fleet) -> None:
    fleet.sh(REPOSITORY, "cat > /etc/nginx/sites-enabled/https <<'END'\n%sEND\nsystemctl restart nginx" % _SITE)
