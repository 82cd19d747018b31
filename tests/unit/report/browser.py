# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real browser, driven over its own pipe: no port, no network, nothing but the standard library."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

LIMIT = 30.0
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--remote-debugging-pipe",
)
# The browser reads commands from descriptor 3 and answers on 4, which subprocess can't promise to anybody.
_LAUNCH = """
import fcntl, os, sys
low = [int(number) for number in sys.argv[1:3]]
high = [fcntl.fcntl(number, fcntl.F_DUPFD, 10) for number in low]
for target, source in zip((3, 4), high):
    os.dup2(source, target, inheritable=True)
os.execvp(sys.argv[3], sys.argv[3:])
"""


def program() -> str:
    found = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
    if found is None:
        raise RuntimeError("chromium is not installed: apt-get install chromium")
    return found


class Browser:
    """One process for many pages."""

    def __init__(self) -> None:
        self._profile = tempfile.mkdtemp(prefix="patchtrain-browser-")
        read_command, self._write = os.pipe()
        self._read, write_answer = os.pipe()
        argv = [sys.executable, "-c", _LAUNCH, str(read_command), str(write_answer), program(), *_FLAGS, f"--user-data-dir={self._profile}"]
        self._process = subprocess.Popen(argv, pass_fds=(read_command, write_answer), start_new_session=True,
                                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(read_command)
        os.close(write_answer)
        self._buffer = b""
        self._number = 0
        self.events: list[dict[str, Any]] = []

    def close(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(LIMIT)
        for handle in (self._read, self._write):
            os.close(handle)
        shutil.rmtree(self._profile, ignore_errors=True)

    def call(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        self._number += 1
        number = self._number
        message = {"id": number, "method": method, "params": params, **({"sessionId": session} if session else {})}
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._message()
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return dict(answer["result"])
            self.events.append(answer)

    def wait_for(self, method: str, session: str) -> None:
        while True:
            for index, event in enumerate(self.events):
                if event.get("method") == method and event.get("sessionId") == session:
                    del self.events[index]
                    return
            self.events.append(self._message())

    def _message(self) -> dict[str, Any]:
        end = time.monotonic() + LIMIT
        while b"\0" not in self._buffer:
            ready, _w, _x = select.select([self._read], [], [], max(0.0, end - time.monotonic()))
            chunk = os.read(self._read, 1 << 20) if ready else b""
            if not chunk:
                raise RuntimeError("the browser does not answer" if not ready else "the browser ended")
            self._buffer += chunk
        first, _nul, self._buffer = self._buffer.partition(b"\0")
        return dict(json.loads(first))

    def page(self, path: Path, width: int = 1280, height: int = 900, script: bool = True, media: dict[str, str] | None = None,
             fragment: str = "") -> Page:
        """The file, opened and loaded."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session, target)
        for domain in ("Page", "Runtime", "Network", "Log"):
            page.call(f"{domain}.enable")
        page.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        page.call("Emulation.setTimezoneOverride", timezoneId="Asia/Kolkata")
        page.call("Emulation.setScriptExecutionDisabled", value=not script)
        given = dict(media or {})
        features = [{"name": name, "value": value} for name, value in given.items() if name != "media"]
        page.call("Emulation.setEmulatedMedia", media=given.get("media", ""), features=features)
        page.call("Page.navigate", url=path.resolve().as_uri() + fragment)
        self.wait_for("Page.loadEventFired", session)
        return page


class Page:
    def __init__(self, browser: Browser, session: str, target: str) -> None:
        self._browser, self._session, self._target = browser, session, target

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        return self._browser.call(method, self._session, **params)

    def run(self, expression: str) -> Any:
        """The value of a JavaScript expression; a promise is waited for."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def wait_until(self, true: Callable[[], bool]) -> None:
        end = time.monotonic() + LIMIT
        while not true():
            if time.monotonic() > end:
                raise RuntimeError("the page never came to what was waited for")
            self.run("new Promise(done => setTimeout(done, 20))")

    def press(self, key: str, code: int, text: str = "") -> None:
        for kind in ("keyDown", "keyUp"):
            typed = {"text": text} if text and kind == "keyDown" else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **typed)

    def seen(self, method: str) -> list[dict[str, Any]]:
        """What the browser has told of this page, for example ``Network.requestWillBeSent``."""
        mine = (event for event in self._browser.events if event.get("sessionId") == self._session)
        return [event["params"] for event in mine if event.get("method") == method]

    def screenshot(self, path: Path, clip: tuple[int, int, int, int] | None = None) -> None:
        area = {"clip": dict(zip(("x", "y", "width", "height"), clip), scale=1)} if clip else {}
        data = self.call("Page.captureScreenshot", captureBeyondViewport=bool(clip), **area)["data"]
        path.write_bytes(base64.b64decode(data))

    def close(self) -> None:
        self._browser.call("Target.closeTarget", targetId=self._target)
