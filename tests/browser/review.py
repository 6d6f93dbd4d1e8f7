"""Reviews labels in a headless Chromium, by keyboard alone, and kills the server on the way.

usage: review.py PROGRAM WORKDIR [PICTURES]

Ends with `N checks passed`, or with an error. PICTURES keeps screenshots at three widths, dark and light.
"""

import json
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import chromium  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WORLD = os.path.join(ROOT, "models", "nano", "world")
VERSION = "v1.0-synth"


class Server:
    def __init__(self, program, store):
        self.process = subprocess.Popen(
            [program, "label", "review", "page", "--store", store, "--dataroot", WORLD, "--version", VERSION,
             "--no-cache", "--no-open"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.url = self.process.stdout.readline().strip()
        if not self.url:
            raise chromium.Failed("the review page's server did not start")

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait(20)
        self.process.stdout.close()


class Checks:
    def __init__(self):
        self.passed = 0

    def equal(self, what, got, want):
        if got != want:
            raise chromium.Failed(f"{what}: {got!r}, expected {want!r}")
        self.passed += 1


def decisions(program, store):
    done = subprocess.run([program, "label", "review", "export", "--store", store], capture_output=True, text=True,
                          check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def token(page):
    return page.run("document.body?.dataset.token")


def text(page, selector):
    return page.run(f"document.querySelector({json.dumps(selector)}).textContent")


def press(page, key):
    """Presses a key; returns the key frame that is then shown, once another one is."""
    before = token(page)
    page.key(key)
    page.wait(f"document.body?.dataset.token !== {json.dumps(before)}", f"another key frame after {key}")
    return token(page)


def open_page(page, url):
    page.go(url + "#who=Ada")
    page.wait("document.body?.dataset.token", "a key frame")


def unnamed(page):
    """Controls without a name for a screen reader."""
    return page.run("""[...document.querySelectorAll('button, input, select, textarea, canvas, [role]')]
        .filter((e) => !(e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.length ||
                         e.getAttribute('role') === 'status'))
        .map((e) => e.outerHTML.slice(0, 80))""")


def overflow(page):
    return page.run("document.documentElement.scrollWidth - innerWidth")


def pictures(page, folder, checks):
    for width, height in ((1024, 768), (1440, 900), (2560, 1440)):
        for theme in ("dark", "light"):
            page.size(width, height, theme)
            page.settle(0.5)
            checks.equal(f"what juts out at {width} pixels", overflow(page) <= 0, True)
            if folder:
                page.picture(os.path.join(folder, f"review-{width}-{theme}.png"))


def review(page, program, store, folder, checks):
    server = Server(program, store)
    page.size(1440, 900)
    open_page(page, server.url)
    checks.equal("controls without a name", unnamed(page), [])
    pictures(page, folder, checks)
    page.size(1440, 900)

    judged, started = [], time.monotonic()
    for index in range(6):
        judged.append(token(page))
        if index == 2:
            page.key("3")
            page.key("9")
            checks.equal("the choice", text(page, ".confirm"), "Change to Decelerate, StopEnter")
        press(page, "Enter")
    seconds = (time.monotonic() - started) / 6
    checks.equal("three seconds a label are enough", seconds < 3, True)
    kept = decisions(program, store)
    checks.equal("decisions", [(d["sample_token"], d["verdict"]) for d in kept],
                 [(t, "change" if i == 2 else "accept") for i, t in enumerate(judged)])
    checks.equal("the change", kept[2]["changed_to"], "Decelerate, Stop")
    checks.equal("who", kept[0]["who"], "Ada")

    # Undo leads back to the latest.
    checks.equal("undone", press(page, "u"), judged[5])
    checks.equal("it is undecided", text(page, ".state"), "Nobody has decided yet.")
    page.key("m")
    page.run("document.querySelector('#comment').value = 'behind the lorry?'")
    page.run("""document.querySelector('#comment').dispatchEvent(new KeyboardEvent('keydown',
                {key: 'Enter', ctrlKey: true, bubbles: true}))""")
    page.wait(f"document.body?.dataset.token !== {json.dumps(judged[5])}", "the next one")
    checks.equal("the comment", decisions(program, store)[-1]["comment"], "behind the lorry?")

    # A kill in the middle: what was acknowledged is there, the page says what went wrong, and goes on.
    judged.append(token(page))
    press(page, "Enter")
    server.end(signal.SIGKILL)
    stuck = token(page)
    page.key("Enter")
    page.wait("document.querySelector('.status.bad') !== null", "a word about the lost server")
    checks.equal("what is said", text(page, ".status"), "The server does not answer. Nothing was kept; try again.")
    checks.equal("still at the same key frame", token(page), stuck)
    server = Server(program, store)
    open_page(page, server.url)
    checks.equal("goes on behind what was kept", token(page), stuck)
    while len(judged) < 10:
        judged.append(token(page))
        if len(judged) < 10:
            press(page, "Enter")
        else:
            page.key("Enter")
    page.wait("document.querySelector('[role=progressbar]').getAttribute('aria-valuenow') === '10'", "ten decided")
    server.end()
    server = Server(program, store)
    open_page_with(page, server.url, "any")
    checks.equal("ten labels after a restart", page.run(
        "document.querySelector('[role=progressbar]').getAttribute('aria-valuenow')"), "10")
    last = {}
    for decision in decisions(program, store):
        if decision["verdict"] != "comment":
            last[decision["sample_token"]] = decision["verdict"]
    checks.equal("in the store", sorted(last), sorted(judged))
    server.end()
    return seconds


def open_page_with(page, url, status):
    page.go("about:blank")
    page.go(url + "#who=Ada")
    page.wait("document.querySelector('#filter') !== null", "the filter")
    page.choose("#filter", status)
    page.wait("document.body?.dataset.token", "a key frame")


def main():
    program, workdir = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    folder = os.path.abspath(sys.argv[3]) if len(sys.argv) > 3 else None
    path = chromium.find()
    if not path:
        print("skipped: no Chromium here")
        return 0
    checks = Checks()
    with chromium.Browser(path) as page:
        seconds = review(page, program, os.path.join(workdir, "review.sqlite"), folder, checks)
        # The server that was killed is the only thing that may have gone wrong.
        checks.equal("errors on the console", [c for c in page.complaints if "ERR_CONNECTION_REFUSED" not in c], [])
        checks.equal("requests to other hosts", page.foreign, [])
    print(f"{seconds:.2f} s a label by keyboard")
    print(f"{checks.passed} checks passed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
