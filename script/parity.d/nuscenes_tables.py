"""Answers of `occvla dump frame` against the devkit's NuScenes. Started by ./nuscenes_tables; ends with 1 on a difference."""

import argparse
import json
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import check  # noqa: E402
import small_tables  # noqa: E402

import numpy  # noqa: E402
from nuscenes.nuscenes import NuScenes  # noqa: E402
from nuscenes.utils import splits as devkit_splits  # noqa: E402
from nuscenes.utils.geometry_utils import BoxVisibility, transform_matrix, view_points  # noqa: E402
from pyquaternion import Quaternion  # noqa: E402

TOLERANCE = 1e-6  # Relative to the largest number.
VELOCITIES = 500
CAMERAS = ["CAM_FRONT", "CAM_FRONT_RIGHT", "CAM_FRONT_LEFT", "CAM_BACK", "CAM_BACK_LEFT", "CAM_BACK_RIGHT"]


class Comparison:
    """Counts of things compared and the first few differences, one line a kind."""

    def __init__(self):
        self.counts, self.problems, self.worst = {}, {}, {}

    def same(self, kind, where, got, want):
        self.counts[kind] = self.counts.get(kind, 0) + 1
        if got != want:
            self.problems.setdefault(kind, []).append(f"{where}: {str(got)[:80]}, the devkit {str(want)[:80]}")

    def close(self, kind, where, got, want):
        got, want = numpy.array(got, dtype=float), numpy.array(want, dtype=float)
        distance = float("inf")
        if got.shape == want.shape and numpy.isfinite(got).all():
            distance = numpy.abs(got - want).max(initial=0) / max(1, numpy.abs(want).max(initial=0))
        self.counts[kind] = self.counts.get(kind, 0) + 1
        self.worst[kind] = max(self.worst.get(kind, 0), distance)
        if distance > TOLERANCE:
            self.problems.setdefault(kind, []).append(f"{where}: {distance:.2e} apart")

    def report(self, checks):
        for kind, count in self.counts.items():
            problems = self.problems.get(kind, [])
            worst = f", worst {self.worst[kind]:.1e}" if kind in self.worst else ""
            checks.report(not problems, kind, f"{count}{worst}" + "".join(f"\n       {p}" for p in problems[:5]))


def pose_of(row):
    return transform_matrix(row["translation"], Quaternion(row["rotation"]))[:3]


def compare_sample(nusc, got, compare):
    token = got["token"]
    sample = nusc.get("sample", token)
    compare.same("sample links", token, (got["prev"], got["next"]), (sample["prev"], sample["next"]))
    scene = nusc.get("scene", sample["scene_token"])
    compare.same("scene and place", token, (got["scene"], got["location"]),
                 (scene["name"], nusc.get("log", scene["log_token"])["location"]))
    keys = {file["channel"]: file["token"] for file in got["files"] if file["key"]}
    compare.same("sample.data", token, keys, sample["data"])
    compare.same("sample.anns", token, [a["token"] for a in got["annotations"]], sample["anns"])
    lidar = nusc.get("sample_data", sample["data"]["LIDAR_TOP"])
    compare.close("ego pose of the keyframe", token, got["pose"], pose_of(nusc.get("ego_pose", lidar["ego_pose_token"])))
    compare.close("mount of the lidar", token, got["lidar"],
                  pose_of(nusc.get("calibrated_sensor", lidar["calibrated_sensor_token"])))
    for file in got["files"]:
        compare_file(nusc, file, compare)
    for camera in CAMERAS:
        compare_camera(nusc, sample["data"][camera], got["cameras"][camera], compare)
    for annotation in got["annotations"]:
        row = nusc.get("sample_annotation", annotation["token"])
        names = [nusc.get("attribute", t)["name"] for t in row["attribute_tokens"]]
        compare.same("annotation fields", annotation["token"],
                     (annotation["instance"], annotation["category"], annotation["attributes"],
                      str(annotation["visibility"] or ""), annotation["lidar_points"], annotation["radar_points"]),
                     (row["instance_token"], row["category_name"], names, row["visibility_token"],
                      row["num_lidar_pts"], row["num_radar_pts"]))


def compare_file(nusc, file, compare):
    row = nusc.get("sample_data", file["token"])
    compare.same("file links", file["token"], (file["channel"], file["key"], file["prev"], file["next"]),
                 (row["channel"], row["is_key_frame"], row["prev"], row["next"]))
    boxes = nusc.get_boxes(file["token"])
    kind = "boxes at keyframes" if row["is_key_frame"] else "boxes between keyframes"
    compare.same(kind + ", which", file["token"], [b["token"] for b in file["boxes"]], [b.token for b in boxes])
    for got, box in zip(file["boxes"], boxes):
        compare.close(kind, got["token"], got["pose"],
                      numpy.hstack([box.rotation_matrix, numpy.array(box.center).reshape(3, 1)]))
        width, length, height = box.wlh
        compare.close("box sizes", got["token"], got["size"], [length, width, height])


def compare_camera(nusc, token, got, compare):
    row = nusc.get("sample_data", token)
    compare.same("image files", token, (got["path"], got["timestamp"]),
                 (os.path.basename(row["filename"]), row["timestamp"]))
    compare.close("ego poses of cameras", token, got["pose"], pose_of(nusc.get("ego_pose", row["ego_pose_token"])))
    compare.close("mounts of cameras", token, got["mount"],
                  pose_of(nusc.get("calibrated_sensor", row["calibrated_sensor_token"])))
    _, boxes, K = nusc.get_sample_data(token, box_vis_level=BoxVisibility.ANY)
    compare.same("boxes that a camera sees", token, [s["token"] for s in got["seen"]], [b.token for b in boxes])
    for seen, box in zip(got["seen"], boxes):
        compare.close("projected corners", seen["token"], seen["corners"],
                      view_points(box.corners(), K, normalize=True)[:2].T)


def compare_velocities(nusc, samples, compare):
    all_of_them = [a for sample in samples for a in sample["annotations"]]
    for got in random.Random(3).sample(all_of_them, min(VELOCITIES, len(all_of_them))):
        want = nusc.box_velocity(got["token"])
        if got["velocity"] is None or numpy.isnan(want).any():
            compare.same("velocities that are not known", got["token"], got["velocity"] is None,
                         bool(numpy.isnan(want).any()))
        else:
            compare.close("velocities", got["token"], got["velocity"], want)


def compare_splits(nusc, dumped, compare):
    official = devkit_splits.create_splits_scenes()
    for name, scenes in dumped["official_splits"].items():
        compare.same("official splits", name, scenes, sorted(official[name]))
    own = os.path.join(nusc.dataroot, nusc.version, "splits.json")
    if os.path.exists(own):
        with open(own, encoding="utf-8") as file:
            for name in json.load(file):
                compare.same("splits of the data set", name, dumped["splits"][name],
                             sorted(devkit_splits.get_scenes_of_split(name, nusc)))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", required=True)
    parser.add_argument("--program", required=True)
    parser.add_argument("--dataroot")
    parser.add_argument("--version")
    args = parser.parse_args()
    dataroot, version = args.dataroot, args.version
    if not dataroot:
        dataroot, version = os.path.join(args.work, "tables"), "v1.0-small"
        small_tables.make(dataroot, version)
    output = os.path.join(args.work, "frames.json")
    check.run_program([args.program, "dump", "frame", "--dataroot", dataroot, "--version", version, "--no-cache",
                       "--output", output])
    with open(output, encoding="utf-8") as file:
        dumped = json.load(file)
    nusc = NuScenes(version=version, dataroot=dataroot, verbose=False)
    compare = Comparison()
    compare.same("keyframes", version, len(dumped["samples"]), len(nusc.sample))
    files = sum(len(sample["files"]) for sample in dumped["samples"])
    compare.same("files", version, files, len(nusc.sample_data))
    for sample in dumped["samples"]:
        compare_sample(nusc, sample, compare)
    compare_velocities(nusc, dumped["samples"], compare)
    compare_splits(nusc, dumped, compare)
    checks = check.Checks("nuscenes_tables")
    compare.report(checks)
    return checks.summary()


if __name__ == "__main__":
    sys.exit(main())
