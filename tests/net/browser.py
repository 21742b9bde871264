#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Chromium without a window, led by its DevTools protocol over a pipe: browser.py DIRECTORY COMMAND...

page URL      opens page/index.html there, checks what its script saw, loads it anew
listing URL   opens a directory's listing there, sorts it by clicks, follows a link; light, dark, on a phone
DIRECTORY takes the browser's profile and the screenshot, COMMAND.png.
"""
import base64
import fcntl
import json
import os
import subprocess
import sys
import time

LIMIT_S = 90
OPTIONS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
           "--disable-background-networking", "--disable-component-update", "--disable-sync",
           "--disable-extensions", "--no-proxy-server", "--autoplay-policy=no-user-gesture-required",
           "--remote-debugging-pipe", "--window-size=700,620"]


class Browser:
    """A page in a browser."""

    def __init__(self, directory):
        self.directory = directory
        self.deadline = time.monotonic() + LIMIT_S
        commands, to_browser = os.pipe()
        from_browser, events = os.pipe()
        # The browser reads commands from descriptor 3 and writes to 4.
        given = [fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (commands, events)]
        with open(f"{directory}/chromium.log", "wb") as log:
            self.process = subprocess.Popen(
                ["bash", "-c", f'exec chromium "$@" 3<&{given[0]} 4>&{given[1]}', "bash", *OPTIONS,
                 f"--user-data-dir={directory}/profile", "about:blank"],
                pass_fds=given, stdout=log, stderr=log)
        for fd in (commands, events, *given):
            os.close(fd)
        self.out, self.source = os.fdopen(to_browser, "wb"), os.fdopen(from_browser, "rb")
        self.held, self.number, self.session = b"", 0, None
        self.loaded = 0
        targets = self.call("Target.getTargets")["targetInfos"]
        target = next(t["targetId"] for t in targets if t["type"] == "page")
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime"):
            self.call(f"{domain}.enable")

    def message(self):
        while b"\0" not in self.held:
            piece = self.source.read1(65536)
            if not piece or time.monotonic() > self.deadline:
                sys.exit("the browser ended, or took too long")
            self.held += piece
        text, _, self.held = self.held.partition(b"\0")
        return json.loads(text)

    def note(self, event):
        if event.get("method") == "Page.loadEventFired":
            self.loaded += 1

    def call(self, method, **params):
        self.number += 1
        request = {"id": self.number, "method": method, "params": params}
        if self.session:
            request["sessionId"] = self.session
        self.out.write(json.dumps(request).encode() + b"\0")
        self.out.flush()
        while True:
            answer = self.message()
            if answer.get("id") == self.number:
                if "error" in answer:
                    sys.exit(f"{method}: {answer['error']['message']}")
                return answer["result"]
            self.note(answer)

    def open(self, method, **params):
        before = self.loaded
        result = self.call(method, **params)
        if result.get("errorText"):
            sys.exit(f"{method}: {result['errorText']}")
        while self.loaded == before:
            self.note(self.message())

    def run(self, expression):
        """The value of a JavaScript expression; a promise is waited for."""
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            sys.exit(f"{expression}: {answer['exceptionDetails']['exception'].get('description')}")
        return answer["result"].get("value")

    def screenshot(self, name):
        data = self.call("Page.captureScreenshot", format="png")["data"]
        with open(f"{self.directory}/{name}.png", "wb") as file:
            file.write(base64.b64decode(data))

    def close(self):
        self.session = None
        self.call("Browser.close")
        self.process.wait(30)


def expect(what, wanted, got):
    if wanted != got:
        sys.exit(f"{what}: want {wanted}, got {got}")


def page(browser, url):
    browser.open("Page.navigate", url=url)
    seen = browser.run("window.finished")
    print(json.dumps(seen))
    browser.screenshot("page")
    expect("style sheet", "rgb(10, 80, 120)", seen["colour"])
    expect("vector image", 160, seen["vector"])
    expect("bitmap", 1, seen["bitmap"])
    expect("video", (160, 60), (seen["width"], seen["duration"]))
    for place, second in (("end", 59), ("begin", 0.5), ("middle", 30)):
        if abs(seen[place]["at"] - second) > 0.5 or seen[place]["colours"] < 100:
            sys.exit(f"video at {second} s: {seen[place]}")
    expect("fetch()", (1, "<title", 404), (seen["fetched"], seen["part"], seen["missing"]))
    browser.open("Page.reload")
    expect("title after reload", "seen", browser.run("window.finished.then(() => document.title)"))


NAMES = "[...document.querySelectorAll('table tbody:last-of-type a')].map(a => a.textContent)"
CLICK = "document.querySelectorAll('th')[%d].click()"


def look(browser, name, width, height, scheme):
    browser.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                 mobile=width < 500)
    browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    browser.screenshot(name)
    return browser.run("[getComputedStyle(document.body).backgroundColor, document.documentElement.scrollWidth]")


def listing(browser, url):
    browser.open("Page.navigate", url=url)
    directories = ["images/", "src/"]
    by_name = ["file-2.txt", "file-10.txt", "large.iso", "README.md", "zoo<b>&.html"]
    expect("as sent", directories + ["README.md", "file-10.txt", "file-2.txt", "large.iso", "zoo<b>&.html"],
           browser.run(NAMES))
    browser.run(CLICK % 0)
    expect("by name", directories + by_name, browser.run(NAMES))
    browser.run(CLICK % 0)
    expect("by name, backwards", directories[::-1] + by_name[::-1], browser.run(NAMES))
    browser.run(CLICK % 2)
    expect("by date", "file-2.txt", browser.run(NAMES)[2])
    browser.run(CLICK % 1)
    browser.run(CLICK % 1)
    expect("by size, backwards", ["large.iso", "zoo<b>&.html"], browser.run(NAMES)[2:4])
    expect("said to readers", "descending", browser.run("document.querySelectorAll('th')[1].ariaSort"))
    light, dark = look(browser, "listing", 700, 420, "light"), look(browser, "listing-dark", 700, 420, "dark")
    expect("light and dark", ("rgb(255, 255, 255)", "rgb(20, 23, 28)"), (light[0], dark[0]))
    expect("width on a phone", 360, look(browser, "listing-phone", 360, 640, "light")[1])
    browser.open("Page.navigate", url=url + "src/")
    expect("parent", "../", browser.run("document.querySelector('tbody a').textContent"))
    browser.open("Runtime.evaluate", expression="document.querySelector('tbody a').click()")
    expect("up again", url, browser.run("location.href"))


def main():
    commands = {"page": page, "listing": listing}
    if len(sys.argv) < 4 or sys.argv[2] not in commands:
        sys.exit(__doc__)
    browser = Browser(sys.argv[1])
    try:
        commands[sys.argv[2]](browser, *sys.argv[3:])
        browser.close()
    finally:
        browser.process.kill()


main()
