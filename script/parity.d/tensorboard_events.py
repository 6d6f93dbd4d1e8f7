"""A run's metrics and pictures, exported by `occvla runs export`, against what TensorBoard reads.

usage: tensorboard_events.py WORKDIR PROGRAM PYTHON

The run's folder is made here, with values that are hard to keep: NaN, infinities, denormal numbers, numbers that float32
rounds or cannot hold, steps beyond 32 bits, names that are not ASCII. Both of the package's readers must give each one:
EventAccumulator, the old one, and what TensorBoard's server uses.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import check  # noqa: E402

if __name__ == "__main__":
    WORKDIR, PROGRAM, _ = check.arguments("tensorboard")

import hashlib  # noqa: E402
import io  # noqa: E402
import json  # noqa: E402
import math  # noqa: E402
import random  # noqa: E402

import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402
from tensorboard.backend.event_processing import event_accumulator, plugin_event_accumulator  # noqa: E402
from tensorboard.util import tensor_util  # noqa: E402

HARD = [0.0, -0.0, 1.0, 1 / 3, math.pi, 1e-45, 1e-40, 1.17549435e-38, 3.4028235e38, 1e39, -1e300, 5e-324, 16777217.0,
        math.nan, math.inf, -math.inf]
NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def records():
    draw = random.Random(7)
    rows = []
    for step in range(1, 301):
        values = {"loss": 5 * math.exp(-step / 80) + 0.1 * draw.random(), "lr": 1e-4 * step / 300,
                  "tokens_per_s": 1e4 * draw.random(), "wide": draw.uniform(-1, 1) * 10 ** draw.uniform(-44, 38)}
        if step <= len(HARD):
            values["hard"] = HARD[step - 1]
        rows.append((step, 1764300000 + step / 8, "train", values))
        if step % 50 == 0:
            rows.append((step, 1764300000 + step / 8 + 0.01, "val", {"loss": draw.random(), "mIoU \u00fc": draw.random()}))
    rows.append((2 ** 40, 1764400000.0, "train", {"loss": 0.5}))
    return rows


def line(step, time, series, values):
    record = {"step": step, "time": time, "series": series,
              "values": {k: v if math.isfinite(v) else None for k, v in values.items()}}
    bad = {k: NOT_FINITE[str(v)] for k, v in values.items() if not math.isfinite(v)}
    if bad:
        record["not_finite"] = bad
    return json.dumps(record, allow_nan=False) + "\n"


def make_run(folder, rows):
    os.makedirs(os.path.join(folder, "samples"))
    check.write_json(os.path.join(folder, "origin.json"), {
        "id": "0123456789abcdef", "program": "made", "name": "made", "stage": "joint", "preset": "nano", "steps": 300,
        "started_ms": 0, "config_sha256": hashlib.sha256(b"").hexdigest(), "data_fingerprint": "", "parent": "", "more": {}})
    check.write_json(os.path.join(folder, "status.json"), {
        "status": "finished", "reason": "", "step": 300, "updated_ms": 0, "host": "", "pid": 0, "process_start": "",
        "metrics": {}})
    open(os.path.join(folder, "config.toml"), "w").close()
    with open(os.path.join(folder, "metrics.jsonl"), "w", encoding="utf-8") as file:
        file.writelines(line(*row) for row in rows)
    pictures = {}
    for step, name, size in ((50, "occupancy", (64, 48)), (100, "occupancy", (64, 48)), (100, "drive", (3, 5))):
        pixels = np.random.default_rng(step).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
        made = io.BytesIO()
        Image.fromarray(pixels).save(made, "PNG")
        pictures[name, step] = (made.getvalue(), size)
        with open(os.path.join(folder, "samples", f"step-{step:08d}-{name}.png"), "wb") as file:
            file.write(made.getvalue())
    return pictures


def same_bits(got, want):
    got, want = np.float32(got), np.float32(want)
    return bool(got.tobytes() == want.tobytes() or (np.isnan(got) and np.isnan(want)))


def compare_scalars(checks, reader, got, want):
    """`got` and `want`: tag -> [(step, time, value)]."""
    checks.report(sorted(got) == sorted(want), f"{reader} tags", f"{len(got)} tags")
    for tag in sorted(want):
        ours = got.get(tag, [])
        bad = [w for g, w in zip(ours, want[tag]) if g[0] != w[0] or g[1] != w[1] or not same_bits(g[2], w[2])]
        detail = f"{len(want[tag])} values, bit for bit" if not bad else f"first at step {bad[0][0]}: {bad[0]}"
        if len(ours) != len(want[tag]):
            detail, bad = f"{len(ours)} values, expected {len(want[tag])}", True
        checks.report(not bad, f"{reader} {tag}", detail)


def main():
    checks = check.Checks("tensorboard")
    run, logs = os.path.join(WORKDIR, "run"), os.path.join(WORKDIR, "logs")
    rows = records()
    pictures = make_run(run, rows)
    check.run_program([PROGRAM, "runs", "export", run, "--registry", os.path.join(WORKDIR, "none.db"), "--tensorboard", logs])
    want = {}
    with np.errstate(over="ignore"):
        for step, time, series, values in rows:
            for name, value in values.items():
                want.setdefault(f"{series}/{name}", []).append((step, time, np.float32(value)))

    everything = {"scalars": 0, "tensors": 0, "images": 0}
    old = event_accumulator.EventAccumulator(logs, size_guidance=everything)
    old.Reload()
    compare_scalars(checks, "EventAccumulator", {
        tag: [(e.step, e.wall_time, e.value) for e in old.Scalars(tag)] for tag in old.Tags()["scalars"]}, want)
    new = plugin_event_accumulator.EventAccumulator(logs, tensor_size_guidance={"scalars": 0, "images": 0})
    new.Reload()
    names = {plugin: new.PluginTagToContent(plugin) for plugin in ("scalars", "images")}
    compare_scalars(checks, "server", {
        tag: [(e.step, e.wall_time, tensor_util.make_ndarray(e.tensor_proto).item()) for e in new.Tensors(tag)]
        for tag in names["scalars"]}, want)

    for (name, step), (png, size) in sorted(pictures.items()):
        found = [image for image in old.Images(name) if image.step == step]
        good = len(found) == 1 and found[0].encoded_image_string == png and (found[0].width, found[0].height) == size
        checks.report(good, f"EventAccumulator picture {name} {step}", f"{len(png)} bytes, {size[0]} x {size[1]}")
        tensors = [tensor_util.make_ndarray(e.tensor_proto) for e in new.Tensors(name) if e.step == step]
        good = len(tensors) == 1 and list(tensors[0]) == [str(size[0]).encode(), str(size[1]).encode(), png]
        checks.report(good and name in names["images"], f"server picture {name} {step}", f"{len(png)} bytes")
    sys.exit(checks.summary())


main()
