# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""What a host keeps of the release that it is attached to. Reads only."""

from __future__ import annotations

import json
from typing import Optional

from ..runner import Runner
from .manifest import Document, ManifestWrong, check_digest, check_platform, read

ROOT = "/var/lib/patchtrain"


def attached(runner: Runner, root: str = ROOT) -> Optional[Document]:
    """``{digest, url, platform, passthrough[], hidden[], previous}``; None where the host is attached to no release."""
    text = runner.read(root + "/release/attached.json")
    if text is None:
        return None
    try:
        document: Document = json.loads(text)
        check_digest(document["digest"])
        check_platform(document["platform"])
    except (ValueError, KeyError, TypeError, ManifestWrong) as error:
        raise ManifestWrong("%s/release/attached.json is damaged (%s): attach the host again" % (root, error)) from error
    return document


def manifest(runner: Runner, root: str = ROOT) -> Optional[Document]:
    """The manifest of the attached release, checked against its digest; None where there is no release."""
    document = attached(runner, root)
    if document is None:
        return None
    content = runner.read(root + "/release/manifest.json")
    if content is None:
        raise ManifestWrong("%s/release/manifest.json is gone: attach the host again" % root)
    return read(content.encode("utf-8"), document["digest"])
