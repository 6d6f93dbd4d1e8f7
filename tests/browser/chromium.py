"""Drives a headless Chromium over the pipe of its DevTools protocol; needs nothing but Python.

The protocol's messages are JSON, each ended by a zero byte, read from descriptor 3 and written to 4.
"""

import base64
import collections
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
import urllib.parse


def find():
    """The path of a Chromium or Chrome, or None."""
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        path = shutil.which(name)
        if path:
            return path
    return None


class Failed(Exception):
    """The page did something else than expected."""


class Browser:
    """One tab. Requests to hosts other than `allowed` are blocked, and listed in `foreign`."""

    def __init__(self, path, allowed=("127.0.0.1",)):
        self.allowed = allowed
        self.foreign = []
        self.complaints = []  # Errors on the page's console, and exceptions.
        self.requests = collections.Counter()
        self._next = 0
        self._rest = b""
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        to_read, self._write = os.pipe()
        self._read, to_write = os.pipe()

        def pipes():
            # Duplicates are above 4, so that neither overwrites the other.
            read, write = os.dup(to_read), os.dup(to_write)
            os.dup2(read, 3)
            os.dup2(write, 4)

        flags = [
            "--headless=new",
            "--remote-debugging-pipe",
            "--no-sandbox",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-dev-shm-usage",
            "--disable-extensions",
            "--use-angle=swiftshader",
            "--enable-unsafe-swiftshader",
            # As on a machine without a graphics card: only WebGL goes through SwiftShader.
            "--disable-gpu-rasterization",
            "--disable-accelerated-2d-canvas",
            "--hide-scrollbars",
            "--user-data-dir=" + self._profile.name,
            "about:blank",
        ]
        self._process = subprocess.Popen(
            [path, *flags],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=pipes,
            close_fds=False,  # It would close 3 and 4.
        )
        os.close(to_read)
        os.close(to_write)
        targets = self._call("Target.getTargets", session=False)["targetInfos"]
        page = next(one for one in targets if one["type"] == "page")
        self._session = self._call(
            "Target.attachToTarget", session=False, targetId=page["targetId"], flatten=True
        )["sessionId"]
        self.call("Page.enable")
        self.call("Runtime.enable")
        self.call("Log.enable")
        self.call("Network.enable")
        self.call("Fetch.enable", patterns=[{"urlPattern": "*"}])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._read)
        os.close(self._write)
        self._profile.cleanup()

    # The protocol.

    def call(self, method, **parameters):
        return self._call(method, session=True, **parameters)

    def _call(self, method, session, timeout=120, **parameters):
        number = self._send(method, session, parameters)
        until = time.monotonic() + timeout
        while True:
            message = self._message(until)
            if message is None:
                raise Failed(f"{method}: no answer within {timeout} s")
            if message.get("id") == number:
                if "error" in message:
                    raise Failed(f"{method}: {message['error']['message']}")
                return message["result"]
            self._event(message)

    def _send(self, method, session, parameters):
        self._next += 1
        message = {"id": self._next, "method": method, "params": parameters}
        if session:
            message["sessionId"] = self._session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._write, data) :]
        return self._next

    def _message(self, until):
        while b"\0" not in self._rest:
            wait = until - time.monotonic()
            if wait <= 0 or not select.select([self._read], [], [], wait)[0]:
                return None
            piece = os.read(self._read, 1 << 16)
            if not piece:
                raise Failed("the browser has ended")
            self._rest += piece
        message, self._rest = self._rest.split(b"\0", 1)
        return json.loads(message)

    def _event(self, message):
        method, parameters = message.get("method"), message.get("params", {})
        if method == "Fetch.requestPaused":
            url = urllib.parse.urlsplit(parameters["request"]["url"])
            self.requests[url.path] += 1
            if url.scheme in ("http", "https", "ws", "wss") and url.hostname not in self.allowed:
                self.foreign.append(parameters["request"]["url"])
                self._send(
                    "Fetch.failRequest",
                    True,
                    {"requestId": parameters["requestId"], "errorReason": "BlockedByClient"},
                )
            else:
                self._send("Fetch.continueRequest", True, {"requestId": parameters["requestId"]})
        elif method == "Runtime.exceptionThrown":
            details = parameters["exceptionDetails"]
            self.complaints.append(details.get("exception", {}).get("description", details["text"]))
        elif method == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            self.complaints.append(parameters["entry"]["text"] + " " + parameters["entry"].get("url", ""))
        elif method == "Runtime.consoleAPICalled" and parameters["type"] == "error":
            self.complaints.append(str([one.get("value") for one in parameters["args"]]))

    # The page.

    def settle(self, seconds):
        """Handles events for a while."""
        until = time.monotonic() + seconds
        while True:
            message = self._message(until)
            if message is None:
                return
            self._event(message)

    def size(self, width, height, theme="dark"):
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        self.call(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": theme}],
        )

    def go(self, url):
        self.call("Page.navigate", url=url)

    def run(self, expression):
        """The value of a JavaScript expression; a promise is awaited."""
        answer = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise Failed(details.get("exception", {}).get("description", details["text"]))
        return answer["result"].get("value")

    def wait(self, expression, what, timeout=30):
        """Waits until an expression is true, and returns its value; an element comes as {}."""
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            value = self.run(expression)
            if value or isinstance(value, dict):
                return value
            self.settle(0.02)
        raise Failed(f"{what} did not come about within {timeout} s")

    def click(self, selector):
        """A real click in the middle of an element."""
        place = self.run(
            f"""(() => {{
              const element = document.querySelector({json.dumps(selector)});
              if (!element) return null;
              element.scrollIntoView({{block: 'nearest'}});
              const box = element.getBoundingClientRect();
              return [box.x + box.width / 2, box.y + box.height / 2];
            }})()"""
        )
        if not place:
            raise Failed(f"there is no {selector}")
        for kind in ("mousePressed", "mouseReleased"):
            self.call(
                "Input.dispatchMouseEvent",
                type=kind,
                x=place[0],
                y=place[1],
                button="left",
                clickCount=1,
            )

    def key(self, key, code=None):
        known = {"ArrowRight": 39, "ArrowLeft": 37, "Home": 36, "End": 35, "Enter": 13, " ": 32, "Tab": 9}
        text = {"Enter": "\r", " ": " "}.get(key, key if len(key) == 1 else "")
        for kind in ("keyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=code or key,
                windowsVirtualKeyCode=known.get(key, ord(key[0].upper())),
                **({"text": text} if kind == "keyDown" and text else {}),
            )

    def choose(self, selector, value):
        """Chooses an option of a select element, as a person's choice would."""
        self.run(
            f"""(() => {{
              const select = document.querySelector({json.dumps(selector)});
              select.value = {json.dumps(value)};
              select.dispatchEvent(new Event('change', {{bubbles: true}}));
            }})()"""
        )

    def picture(self, path):
        data = self.call("Page.captureScreenshot", format="png")["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))
