"""Runs `occvla serve` on the model nano and its world for a check."""

import base64
import json
import os
import signal
import subprocess

CAMERAS = ("CAM_FRONT", "CAM_FRONT_RIGHT", "CAM_FRONT_LEFT", "CAM_BACK", "CAM_BACK_LEFT", "CAM_BACK_RIGHT")
WORLD = os.path.join("models", "nano", "world")


class Server:
    """`with Server(program, log) as server: server.address`; the log file gets its stderr."""

    def __init__(self, program, log, flags=()):
        self.command = [program, "serve", "--checkpoint", "models/nano", "--dataroot", WORLD, "--version", "v1.0-synth",
                        "--port", "0", *flags]
        self.log = log

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=open(self.log, "w"), text=True)
        self.address = self.process.stdout.readline().strip()
        if not self.address:
            raise RuntimeError(f"the server gave no address; see {self.log}")
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """SIGTERM; gives the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)


def frames():
    """Sample tokens with the six image files of each."""
    tables = os.path.join(WORLD, "v1.0-synth")
    read = lambda name: json.load(open(os.path.join(tables, name + ".json"), encoding="utf-8"))
    found = {}
    for row in read("sample_data"):
        if not row["is_key_frame"]:
            continue
        for camera in CAMERAS:
            if f"/{camera}/" in row["filename"]:
                found.setdefault(row["sample_token"], {})[camera] = os.path.join(WORLD, row["filename"])
    return found


def data_url(path):
    with open(path, "rb") as file:
        return "data:image/jpeg;base64," + base64.b64encode(file.read()).decode()
