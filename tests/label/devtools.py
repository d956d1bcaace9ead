"""A headless Chromium driven over its DevTools pipe: the standard library alone."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

KEYS = {"ArrowLeft": 37, "ArrowRight": 39, "Enter": 13, "Tab": 9}
# Chromium reads commands from descriptor 3 and answers on 4.
LAUNCH = """import fcntl, os, sys
ends = [fcntl.fcntl(int(end), fcntl.F_DUPFD, 10) for end in sys.argv[1:3]]
for end, at in zip(ends, (3, 4)): os.dup2(end, at)
os.execv(sys.argv[3], sys.argv[3:])"""


def find_chromium() -> str | None:
    """A Chromium's or Chrome's path."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


class Tab:
    """One page. Commands wait for their answer; dialogs are answered by `answer` and kept in `dialogs`."""

    def __init__(self, commands: int, answers: int) -> None:
        self.commands, self.answers = commands, answers
        self.buffer, self.number, self.session = b"", 0, ""
        self.answer, self.dialogs = True, list[str]()
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "DOM"):
            self.send(f"{domain}.enable")

    def post(self, method: str, **parameters: Any) -> int:
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        message |= {"sessionId": self.session} if self.session else {}
        os.write(self.commands, json.dumps(message).encode() + b"\0")
        return self.number

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = self.post(method, **parameters)
        while True:
            message = self.receive()
            if message.get("id") == number:
                assert "error" not in message, f"{method}: {message}"
                result: dict[str, Any] = message["result"]
                return result

    def receive(self, timeout_s: float = 60) -> dict[str, Any]:
        while b"\0" not in self.buffer:
            assert select.select([self.answers], [], [], timeout_s)[0], "the browser does not answer"
            block = os.read(self.answers, 1 << 16)
            assert block, "the browser has ended"
            self.buffer += block
        text, _, self.buffer = self.buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        if message.get("method") == "Page.javascriptDialogOpening":
            self.dialogs.append(message["params"]["type"])
            self.post("Page.handleJavaScriptDialog", accept=self.answer)
        return message

    def run(self, code: str) -> Any:
        """The value of a JavaScript expression, awaited."""
        answer = self.send("Runtime.evaluate", expression=code, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def until(self, code: str, timeout_s: float = 20) -> Any:
        """Ask until the expression is true."""
        end = time.monotonic() + timeout_s
        while not (value := self.run(code)):
            assert time.monotonic() < end, f"never true: {code}"
            time.sleep(0.02)
        return value

    def press(self, *keys: str) -> None:
        for key in keys:
            code = KEYS.get(key) or ord(key.upper())
            named = {"key": key, "code": f"Digit{key}" if key.isdigit() else "", "windowsVirtualKeyCode": code}
            text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
            self.send("Input.dispatchKeyEvent", type="keyDown", text=text, **named)
            self.send("Input.dispatchKeyEvent", type="keyUp", **named)

    def go(self, action: Callable[[], object]) -> None:
        """Do what loads a page, and wait until it is there."""
        self.run("window.old = true")
        action()
        end = time.monotonic() + 30
        while time.monotonic() < end:
            with contextlib.suppress(AssertionError):  # the old page's context is gone
                if self.run("!window.old && document.readyState === 'complete'"):
                    return
        raise AssertionError("the page never loaded")

    def screenshot(self, clip: dict[str, float] | None = None) -> bytes:
        area = {"clip": clip | {"scale": 1}} if clip else {}
        return base64.b64decode(self.send("Page.captureScreenshot", **area)["data"])


@contextlib.contextmanager
def open_tab(program: str, profile: Path) -> Iterator[Tab]:
    """A browser of its own, ended afterwards."""
    read_commands, commands = os.pipe()
    answers, write_answers = os.pipe()
    options = ["--headless=new", "--remote-debugging-pipe", f"--user-data-dir={profile}", "--no-first-run"]
    options += ["--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"]
    options += ["--no-sandbox"] if os.geteuid() == 0 else []
    process = subprocess.Popen(
        [sys.executable, "-c", LAUNCH, str(read_commands), str(write_answers), program, *options],
        pass_fds=(read_commands, write_answers),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(read_commands)
    os.close(write_answers)
    try:
        tab = Tab(commands, answers)
        yield tab
        tab.session = ""
        tab.send("Browser.close")
    finally:
        os.close(commands)
        os.close(answers)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
