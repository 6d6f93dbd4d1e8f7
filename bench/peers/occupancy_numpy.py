#!/usr/bin/env python3
"""Occupancy's confusion in numpy, as CVPR 2023's challenge makes it, for bench/occupancy_metrics/compare.

    occupancy_numpy.py make DIR [FRAMES]   full-size keyframes of a made-up street, 100 different ones
    occupancy_numpy.py time DIR            reads and counts them; one line of JSON

The challenge counts under one mask a run; `one_mask_s` is that. `three_masks_s` gives what `occvla eval occupancy`
gives: camera, lidar and none. `load_s` is reading and inflating alone.
"""

import json
import os
import pathlib
import sys
import time

import numpy as np

CLASSES, FREE = 18, 17
DIFFERENT = 100


def street(rng):
    """[200, 200, 16] labels: ground with strips, blocks along the sides, cars and trees."""
    labels = np.full((200, 200, 16), FREE, np.uint8)
    for label, half in ((15, 100), (14, 60), (13, 30), (11, 20)):
        bend = np.cumsum(rng.normal(0, 0.15, 200))
        for x in range(200):
            middle = 100 + int(bend[x])
            labels[x, max(0, middle - half):middle + half, 0] = label
    for _ in range(60):
        x, y, label = rng.integers(0, 190), rng.integers(0, 190), rng.choice([15, 16, 4, 10, 7, 1])
        dx, dy, dz = rng.integers(1, 14, 2).tolist() + [rng.integers(2, 16)]
        labels[x:x + dx, y:y + dy, 1:dz] = label
        labels[x + 1:x + dx - 1, y + 1:y + dy - 1, 1:dz - 1] = FREE
    return labels


def make(folder, frames):
    rng = np.random.default_rng(0)
    (folder / "predictions").mkdir(parents=True)
    for i in range(frames):
        name, first = f"frame-{i:04d}", f"frame-{i % DIFFERENT:04d}"
        target, prediction = folder / "ground_truth" / name, folder / "predictions" / f"{name}.npz"
        target.mkdir(parents=True)
        if i >= DIFFERENT:
            os.link(folder / "ground_truth" / first / "labels.npz", target / "labels.npz")
            os.link(folder / "predictions" / f"{first}.npz", prediction)
            continue
        truth = street(rng)
        near = np.hypot(*np.meshgrid(np.arange(-100, 100), np.arange(-100, 100), indexing="ij"))
        lidar = ((truth != FREE) & (rng.random(truth.shape) < 0.8)) | (
            (near < rng.uniform(20, 60))[:, :, None] & (np.arange(16) < 6))
        camera = lidar & (rng.random((200, 200)) < 0.8)[:, :, None]
        predicted = np.roll(truth, rng.integers(-1, 2), axis=rng.integers(0, 3))
        np.savez_compressed(target / "labels.npz", semantics=truth, mask_lidar=lidar.astype(np.uint8),
                            mask_camera=camera.astype(np.uint8))
        np.savez_compressed(prediction, pred=predicted)


def add(histogram, truth, prediction):
    valid = (truth >= 0) & (truth < CLASSES)
    histogram += np.bincount(CLASSES * truth[valid].astype(int) + prediction[valid].astype(int),
                             minlength=CLASSES ** 2).reshape(CLASSES, CLASSES)


def measure(folder):
    histograms = np.zeros((3, CLASSES, CLASSES), np.int64)
    spent = {"load_s": 0.0, "camera": 0.0, "others": 0.0}
    names = sorted(os.listdir(folder / "ground_truth"))
    for name in names:
        start = time.perf_counter()
        with np.load(folder / "ground_truth" / name / "labels.npz") as file:
            truth, lidar, camera = file["semantics"], file["mask_lidar"], file["mask_camera"]
        with np.load(folder / "predictions" / f"{name}.npz") as file:
            prediction = file["pred"]
        loaded = time.perf_counter()
        mask = camera.astype(bool)
        add(histograms[0], truth[mask], prediction[mask])
        one = time.perf_counter()
        mask = lidar.astype(bool)
        add(histograms[1], truth[mask], prediction[mask])
        add(histograms[2], truth.reshape(-1), prediction.reshape(-1))
        spent["load_s"] += loaded - start
        spent["camera"] += one - loaded
        spent["others"] += time.perf_counter() - one
    union = histograms.sum(1) + histograms.sum(2) - histograms.diagonal(axis1=1, axis2=2)
    iou = histograms.diagonal(axis1=1, axis2=2)[:, :FREE] / np.maximum(union[:, :FREE], 1)
    miou = [float(row[some > 0].mean()) for row, some in zip(iou, union[:, :FREE])]
    print(json.dumps({"frames": len(names), "load_s": spent["load_s"],
                      "one_mask_s": spent["load_s"] + spent["camera"],
                      "three_masks_s": sum(spent.values()), "miou": miou}))


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in ("make", "time"):
        sys.exit(__doc__)
    if sys.argv[1] == "make":
        make(pathlib.Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 1000)
    else:
        measure(pathlib.Path(sys.argv[2]))
