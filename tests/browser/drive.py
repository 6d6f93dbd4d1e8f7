#!/usr/bin/env python3
"""Drives the viewer in a headless Chromium, as a person would.

    tests/browser/drive.py [--pictures DIR] [--changed TOKEN] -- SERVER...

SERVER is a command that prints the page's address as its first line: `build/occvla view DATASET --run A
--run B --no-open`, or `serve` with a model. With a second run everything is checked, with a model also the
asking; what cannot be checked is skipped, and said. TOKEN is the frame where the two runs differ most.
Prints a line a check, and `N passed, N failed, N skipped` at the end.

Times and frames per second are measured and printed, not judged: they are the machine's.
"""

import argparse
import html
import json
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import chromium  # noqa: E402

WIDTHS = {1024: 768, 1600: 1000, 2560: 1440}
NEEDS_NAME = {
    "button", "checkbox", "combobox", "slider", "textbox", "tab", "link", "img", "image", "menuitem",
    "application", "spinbutton",
}  # fmt: skip


class Skipped(Exception):
    pass


class Server:
    """A command that serves, until the end of the scope."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.address = self.process.stdout.readline().strip()
        if not self.address:
            self.process.wait(20)
            raise SystemExit("the server printed no address")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(20)


class Drive:
    def __init__(self, browser, address, options):
        self.browser = browser
        self.address = address
        self.options = options
        self.counts = {"passed": 0, "failed": 0, "skipped": 0}

    def check(self, name, what):
        try:
            detail = what()
            outcome = "passed"
        except Skipped as reason:
            outcome, detail = "skipped", reason
        except chromium.Failed as reason:
            outcome, detail = "failed", reason
        self.counts[outcome] += 1
        print(f"{outcome}: {name}" + (f": {detail}" if detail else ""), flush=True)

    def shown(self):
        return self.browser.run("document.querySelector('.occupancy')?.dataset.shown ?? ''")

    def wait_shown(self, token):
        self.browser.wait(
            f"document.querySelector('.occupancy')?.dataset.shown === {json.dumps(token)}",
            f"the occupancy of {token}",
            60,
        )

    def settled(self):
        """Waits until nothing changes any more."""
        self.browser.wait(
            """(async () => {
              const state = () => {
                const {shown, quads} = document.querySelector('.occupancy').dataset;
                return shown + ' ' + quads + ' ' + location.hash;
              };
              const before = state();
              await new Promise((done) => setTimeout(done, 600));
              return state() === before && !document.querySelector('.loading') &&
                location.hash.includes(before.slice(0, 32));
            })()""",
            "rest",
            60,
        )

    def frames(self):
        return self.browser.run(
            "fetch('/v1/frames').then((r) => r.json())"
            ".then((o) => o.datasets[0].scenes[0].frames)"
        )

    def runs(self):
        names = self.browser.run(
            "[...document.querySelectorAll('#run-a option')].map((o) => o.value).filter(Boolean)"
        )
        if len(names) < 2:
            raise Skipped("the server has fewer than two runs")
        return names

    # The checks, in their order.

    def blocker(self):
        """Before anything else: that a request to another host would be seen at all."""
        self.browser.run("fetch('http://elsewhere.invalid/').catch(() => null)")
        if len(self.browser.foreign) != 1:
            raise chromium.Failed("a request to another host was not noticed")
        self.browser.foreign.clear()
        self.browser.complaints.clear()

    def open(self):
        self.browser.size(1600, WIDTHS[1600])
        self.browser.go(self.address)
        self.browser.wait("document.querySelector('.occupancy')?.dataset.shown", "the page", 90)
        expected = self.frames()[0]
        if self.shown() != expected:
            raise chromium.Failed(f"{self.shown()} is shown instead of the first frame {expected}")
        self.browser.wait("Number(document.querySelector('.occupancy').dataset.quads) > 100", "voxels")

    def scrub(self):
        frames = self.frames()
        times = []
        for expected in frames[1:8]:
            times.append(
                self.browser.run(
                    """new Promise((done) => {
                      const started = performance.now();
                      const panel = document.querySelector('.occupancy');
                      const before = panel.dataset.shown;
                      const watch = new MutationObserver(() => {
                        if (panel.dataset.shown === before) return;
                        watch.disconnect();
                        requestAnimationFrame(() => done(performance.now() - started));
                      });
                      watch.observe(panel, {attributes: true});
                      document.body.dispatchEvent(
                        new KeyboardEvent('keydown', {key: 'ArrowRight', bubbles: true}));
                    })"""
                )
            )
            if self.shown() != expected:
                raise chromium.Failed(f"{self.shown()} is shown instead of {expected}")
        self.browser.key("Home")
        self.wait_shown(frames[0])
        self.browser.run(
            "(() => { const s = document.querySelector('.track input'); s.value = 3;"
            " s.dispatchEvent(new Event('input', {bubbles: true})); })()"
        )
        self.wait_shown(frames[3])
        return (
            f"key to occupancy on screen {statistics.median(times):.0f} ms (median),"
            f" {max(times):.0f} ms (longest) of {len(times)} frames"
        )

    def play(self):
        before = self.shown()
        self.browser.click(".play")
        self.browser.wait(
            f"document.querySelector('.occupancy').dataset.shown !== {json.dumps(before)}", "playing"
        )
        self.browser.click(".play")
        self.settled()
        label = self.browser.run("document.querySelector('.play').getAttribute('aria-label')")
        if label != "Play":
            raise chromium.Failed("the second click did not pause")

    def quads(self):
        return int(self.browser.run("document.querySelector('.occupancy').dataset.quads"))

    def filter(self):
        self.browser.run("document.querySelector('.voxel-controls').open = true")
        before = self.quads()
        self.browser.click(".classes input[data-label='11']")
        self.browser.wait(
            f"Number(document.querySelector('.occupancy').dataset.quads) !== {before}", "another surface"
        )
        without = self.quads()
        self.browser.click(".classes input[data-label='11']")
        self.browser.wait(
            f"Number(document.querySelector('.occupancy').dataset.quads) === {before}", "the old surface"
        )
        self.browser.run(
            "(() => { const s = document.querySelector('[aria-label=\"Slice to\"]'); s.value = 4;"
            " s.dispatchEvent(new Event('input', {bubbles: true})); })()"
        )
        self.browser.wait(
            f"Number(document.querySelector('.occupancy').dataset.quads) !== {before}", "a slice"
        )
        self.browser.run(
            "(() => { const s = document.querySelector('[aria-label=\"Slice to\"]'); s.value = 16;"
            " s.dispatchEvent(new Event('input', {bubbles: true})); })()"
        )
        return f"{before} faces, {without} without the driveable surface"

    def modes(self):
        self.runs()
        self.browser.choose("#run-a", self.runs()[0])
        self.browser.choose("#run-b", self.runs()[1])
        for mode, panes in (("prediction", 2), ("beside", 3), ("difference", 2), ("truth", 1)):
            self.browser.click(f"[data-mode={mode}]")
            self.browser.wait(
                f"document.querySelectorAll('.pane-title').length === {panes}", f"{panes} panes of {mode}"
            )

    def compare(self):
        self.runs()
        self.browser.click("#tab-compare")
        self.browser.wait("document.querySelectorAll('.differences a').length > 1", "the list")
        values = self.browser.run(
            "[...document.querySelectorAll('.differences .value')].map((v) => parseFloat(v.textContent))"
        )
        if values != sorted(values, reverse=True):
            raise chromium.Failed(f"the frames are not sorted: {values}")
        first = self.browser.run("document.querySelector('.differences a').dataset.token")
        if self.options.changed and first != self.options.changed:
            raise chromium.Failed(f"the first is {first}, not {self.options.changed}")
        self.browser.click(".differences a")
        self.wait_shown(first)
        if first not in self.browser.run("location.hash"):
            raise chromium.Failed("the address does not name the frame")
        return f"{len(values)} frames, the first differs by {values[0]} m"

    def metrics(self):
        self.runs()
        self.browser.click("#tab-metrics")
        self.browser.wait("!!document.querySelector('#panel-metrics .frame-list a')", "the worst frames")
        worst = self.browser.run("document.querySelector('#panel-metrics .frame-list a').dataset.token")
        self.browser.click("#panel-metrics .frame-list a")
        self.wait_shown(worst)

    def ask(self):
        self.browser.click("#tab-ask")
        self.browser.wait("document.querySelector('#panel-ask').children.length > 0", "the panel")
        if not self.browser.run("!!document.querySelector('#panel-ask form')"):
            raise Skipped("the server has no model")
        self.browser.run(
            """(() => {
              window.answerSizes = [];
              new MutationObserver(() => {
                const size = document.querySelector('.ask-card p:nth-child(2)')?.textContent.length ?? 0;
                if (size > (window.answerSizes.at(-1) ?? 0)) window.answerSizes.push(size);
              }).observe(document.querySelector('.answers'),
                         {childList: true, subtree: true, characterData: true});
            })()"""
        )
        self.browser.click("#panel-ask button[type=submit]")
        self.browser.wait("document.querySelector('.ask-card .muted')?.textContent", "an answer", 120)
        facts = self.browser.run("document.querySelector('.ask-card .muted').textContent")
        sizes = self.browser.run("window.answerSizes")
        if len(sizes) < 3:
            raise chromium.Failed(f"the answer did not grow piece by piece, but as {sizes}: {facts}")
        return f"{sizes[-1]} characters in {len(sizes)} pieces; {facts}"

    def names(self):
        nameless = []
        for tab in ("frame", "metrics", "compare", "ask"):
            self.browser.click(f"#tab-{tab}")
            self.browser.settle(0.3)
            for node in self.browser.call("Accessibility.getFullAXTree")["nodes"]:
                role = node.get("role", {}).get("value")
                if node.get("ignored") or role not in NEEDS_NAME:
                    continue
                if not node.get("name", {}).get("value", "").strip():
                    nameless.append(f"{tab}: {role}")
        if nameless:
            raise chromium.Failed(f"controls without a name: {nameless}")

    def keyboard(self):
        self.browser.click("#tab-frame")
        self.browser.run("document.activeElement.blur()")
        reached = set()
        for _ in range(90):
            self.browser.key("Tab")
            reached.add(
                self.browser.run(
                    "(() => { const e = document.activeElement;"
                    " return e.id || e.getAttribute('aria-label') || e.textContent.slice(0, 20); })()"
                )
            )
        missing = {"scene", "Play", "Key frame of the scene", "tab-frame", "layer-boxes", "Truth"} - reached
        if missing:
            raise chromium.Failed(f"the Tab key does not reach {missing}")

    def rate(self):
        self.browser.click("[data-control=turn]")
        self.browser.settle(6)
        rates = []
        for _ in range(10):
            self.browser.settle(0.3)
            rates.append(float(self.browser.run("document.querySelector('.rate').dataset.rate ?? 0")))
        self.browser.click("[data-control=turn]")
        if not any(rates):
            raise chromium.Failed("nothing is drawn while it turns")
        return f"{statistics.median(rates):.0f} frames a second while the voxels turn"

    def layouts(self):
        for theme in ("dark", "light"):
            for width, height in WIDTHS.items():
                self.browser.size(width, height, theme)
                self.browser.settle(1)
                self.browser.wait(
                    f"document.documentElement.dataset.theme === '{theme}'", f"the theme {theme}"
                )
                outside = self.browser.run(
                    """[...document.querySelectorAll('.top > *, .camera, .panel, .timeline > *')]
                      .filter((e) => {
                        const box = e.getBoundingClientRect();
                        return box.right > innerWidth + 1 || box.bottom > innerHeight + 1 || box.left < -1;
                      }).map((e) => e.className)"""
                )
                if outside:
                    raise chromium.Failed(f"at {width} px, {theme}, outside of the page: {outside}")
                if self.options.pictures:
                    self.browser.picture(self.options.pictures / f"viewer-{width}-{theme}.png")

    def token(self):
        """A server that wants a token: the page asks for it, or finds it in the address."""
        if "serve" not in self.options.server:
            raise Skipped("the server takes no tokens")
        secret = "browser-test-0123456789"
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(secret + "\n")
            file.flush()
            with Server([*self.options.server, "--tokens", file.name]) as server:
                self.browser.go(server.address)
                self.browser.wait("document.querySelector('dialog[open] input')", "the question for a token")
                self.browser.call("Input.insertText", text=secret)
                self.browser.click("dialog button")
                self.browser.wait("document.querySelector('.occupancy')?.dataset.shown", "the page", 60)
                self.browser.run("sessionStorage.clear()")
                self.browser.go("about:blank")
                self.browser.go(f"{server.address}/#token={secret}")
                self.browser.wait("document.querySelector('.occupancy')?.dataset.shown", "the page", 60)
                if secret in self.browser.run("location.href"):
                    raise chromium.Failed("the token stays in the address")

    def foreign(self):
        if self.browser.foreign:
            raise chromium.Failed(f"asked of other hosts: {self.browser.foreign}")
        return f"0 of {sum(self.browser.requests.values())} requests went to another host"

    def quiet(self):
        # The page asks whether there is a model; a viewer without one says no.
        # A server that wants a token refuses the first request, and the browser says so.
        real = [one for one in self.browser.complaints if "/v1/models" not in one and " 401 " not in one]
        if real:
            raise chromium.Failed("; ".join(real[:5]))


def absent(address):
    """Why the program has no page; None where it has one."""
    try:
        with urllib.request.urlopen(address) as answer:
            answer.read()
    except urllib.error.HTTPError as error:
        if error.code != 501:
            raise
        return html.unescape(re.sub("<[^>]*>", " ", error.read().decode())).strip()
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--pictures", type=pathlib.Path, help="write screenshots here")
    parser.add_argument("--changed", help="the frame where the runs differ most")
    parser.add_argument("server", nargs="+")
    options = parser.parse_args()
    path = chromium.find()
    if not path:
        print("skipped: there is no Chromium here; Debian's package chromium has one")
        print("0 passed, 0 failed, 1 skipped")
        return 0
    if options.pictures:
        options.pictures.mkdir(parents=True, exist_ok=True)
    with Server(options.server) as server:
        reason = absent(server.address)
        if reason:
            print(f"skipped: {reason}\n0 passed, 0 failed, 1 skipped")
            return 0
        with chromium.Browser(path) as browser:
            drive = Drive(browser, server.address, options)
            for check in (
                drive.blocker, drive.open, drive.scrub, drive.play, drive.filter, drive.modes, drive.compare,
                drive.metrics, drive.ask, drive.names, drive.keyboard, drive.rate, drive.layouts,
                drive.token, drive.foreign, drive.quiet,
            ):  # fmt: skip
                drive.check(check.__name__, check)
    counts = drive.counts
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
