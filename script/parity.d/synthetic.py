"""A synthetic data set as the nuScenes devkit sees it. Started by ./synthetic; ends with 1 on a difference."""

import argparse
import collections
import json
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import check  # noqa: E402

import numpy  # noqa: E402
from nuscenes.can_bus.can_bus_api import NuScenesCanBus  # noqa: E402
from nuscenes.map_expansion.bitmap import BitMap  # noqa: E402
from nuscenes.map_expansion.map_api import NuScenesMap  # noqa: E402
from nuscenes.nuscenes import NuScenes  # noqa: E402
from nuscenes.utils.data_classes import LidarPointCloud  # noqa: E402
from nuscenes.utils.geometry_utils import points_in_box  # noqa: E402
from nuscenes.utils.splits import create_splits_scenes, get_scenes_of_split  # noqa: E402
from PIL import Image  # noqa: E402
from pyquaternion import Quaternion  # noqa: E402

SCENES, KEYFRAMES, SCALE, SWEEPS = 4, 6, 0.1, 1
VERSION = "v1.0-synth"
CAMERAS = ["CAM_FRONT", "CAM_FRONT_RIGHT", "CAM_FRONT_LEFT", "CAM_BACK", "CAM_BACK_LEFT", "CAM_BACK_RIGHT"]
# The devkit turns a box by quaternions, the program by matrices: a point this near a face may fall on either side.
ROUNDING = 1e-4


def walk_scenes(nusc, checks):
    """Linked lists of samples and of each sensor's files, from end to end."""
    problems, samples, files = [], 0, 0
    for scene in nusc.scene:
        token, previous, seen = scene["first_sample_token"], "", 0
        while token:
            sample = nusc.get("sample", token)
            seen += 1
            if sample["prev"] != previous or sample["scene_token"] != scene["token"]:
                problems.append(f"sample {token}: its links disagree")
            if set(sample["data"]) != set(CAMERAS) | {"LIDAR_TOP"}:
                problems.append(f"sample {token}: sensors {sorted(sample['data'])}")
            previous, token = token, sample["next"]
        if previous != scene["last_sample_token"] or seen != scene["nbr_samples"] or seen != KEYFRAMES:
            problems.append(f"{scene['name']}: {seen} samples, says {scene['nbr_samples']}")
        samples += seen
        files += sum(walk_channel(nusc, channel, scene, problems) for channel in CAMERAS + ["LIDAR_TOP"])
    checks.report(not problems, "samples and files", f"{samples} samples, {files} files" + "".join(problems[:5]))
    checks.report(files == len(nusc.sample_data) == len(nusc.ego_pose), "every file is in a chain",
                  f"{files} of {len(nusc.sample_data)} rows, {len(nusc.ego_pose)} ego poses")


def walk_channel(nusc, channel, scene, problems):
    token = nusc.get("sample", scene["first_sample_token"])["data"][channel]
    previous, time, count = "", 0, 0
    while token:
        row = nusc.get("sample_data", token)
        pose = nusc.get("ego_pose", row["ego_pose_token"])
        sample = nusc.get("sample", row["sample_token"])
        if row["prev"] != previous or row["timestamp"] <= time or pose["timestamp"] != row["timestamp"]:
            problems.append(f"sample_data {token}: its links or times disagree")
        off = sample["timestamp"] - row["timestamp"]
        if not (abs(off) <= 50_000 if row["is_key_frame"] else 0 < off < 500_000):
            problems.append(f"sample_data {token}: {off} us from its sample")
        path = os.path.join(nusc.dataroot, row["filename"])
        if f"__{channel}__{row['timestamp']}." not in row["filename"] or not os.path.isfile(path):
            problems.append(f"sample_data {token}: {row['filename']}")
        elif channel != "LIDAR_TOP" and Image.open(path).size != (row["width"], row["height"]):
            problems.append(f"sample_data {token}: an image of another size")
        previous, time, token, count = token, row["timestamp"], row["next"], count + 1
    return count


def walk_instances(nusc, checks):
    problems, seen = [], 0
    for instance in nusc.instance:
        token, previous, count, time = instance["first_annotation_token"], "", 0, 0
        while token:
            row = nusc.get("sample_annotation", token)
            now = nusc.get("sample", row["sample_token"])["timestamp"]
            if row["prev"] != previous or row["instance_token"] != instance["token"] or now <= time:
                problems.append(f" annotation {token}: its links disagree")
            if min(row["size"]) <= 0 or abs(Quaternion(row["rotation"]).norm - 1) > 1e-9:
                problems.append(f" annotation {token}: size {row['size']}, rotation {row['rotation']}")
            if row["num_lidar_pts"] == 0 and row["visibility_token"] not in ("1", "2", "3", "4"):
                problems.append(f" annotation {token}: neither points nor a visibility")
            for attribute in row["attribute_tokens"]:
                nusc.get("attribute", attribute)
            previous, token, count, time = token, row["next"], count + 1, now
        if previous != instance["last_annotation_token"] or count != instance["nbr_annotations"]:
            problems.append(f" instance {instance['token']}: {count} annotations")
        seen += count
    checks.report(not problems and seen == len(nusc.sample_annotation) > 0, "instance chains",
                  f"{len(nusc.instance)} instances, {seen} annotations" + "".join(problems[:5]))
    velocities = [nusc.box_velocity(row["token"]) for row in nusc.sample_annotation]
    speeds = numpy.linalg.norm(velocities, axis=1)
    speeds = speeds[numpy.isfinite(speeds)]
    checks.report(len(speeds) > 0 and speeds.max() < 40, "velocities", f"{len(speeds)} finite, up to {speeds.max():.1f} m/s")


def count_points(nusc, checks):
    """num_lidar_pts against the devkit's points_in_box, in the sensor's frame."""
    wrong, boxes, points = [], 0, 0
    for sample in nusc.sample:
        path, found, _ = nusc.get_sample_data(sample["data"]["LIDAR_TOP"])
        cloud = LidarPointCloud.from_file(path).points[:3].astype(numpy.float64)
        for box in found:
            row = nusc.get("sample_annotation", box.token)
            count = int(points_in_box(box, cloud).sum())
            wider, narrower = box.copy(), box.copy()
            wider.wlh, narrower.wlh = box.wlh + ROUNDING, box.wlh - ROUNDING
            low, high = int(points_in_box(narrower, cloud).sum()), int(points_in_box(wider, cloud).sum())
            if not low <= row["num_lidar_pts"] <= high:
                wrong.append(f" {box.token}: says {row['num_lidar_pts']}, holds {count}")
            boxes, points = boxes + 1, points + count
    checks.report(not wrong and points > 0, "points in boxes",
                  f"{boxes} boxes, {points} points" + "".join(wrong[:5]))


def look_into_cameras(nusc, checks):
    """Boxes that the devkit finds in images, and lidar points that it projects into them."""
    boxes, inside = 0, collections.Counter()
    for sample in nusc.sample:
        for camera in CAMERAS:
            _, found, intrinsic = nusc.get_sample_data(sample["data"][camera])
            boxes += len(found)
            points, _, image = nusc.explorer.map_pointcloud_to_image(sample["data"]["LIDAR_TOP"], sample["data"][camera])
            inside[camera] += points.shape[1]
            assert intrinsic.shape == (3, 3) and image.size[0] > 0
    checks.report(boxes > 0, "boxes in images", f"{boxes}")
    checks.report(min(inside[c] for c in CAMERAS) > 0, "lidar points in images", str(dict(inside)))


def open_maps(nusc, checks):
    for name in sorted({log["location"] for log in nusc.log}):
        town = NuScenesMap(dataroot=nusc.dataroot, map_name=name)
        layers = {layer: len(getattr(town, layer)) for layer in town.non_geometric_layers}
        wanted = [layer for layer in layers if layer not in ("carpark_area",)]
        empty = [layer for layer in wanted if not layers[layer]]
        checks.report(not empty, f"map {name}", f"{layers}; empty: {empty}" if empty else f"{layers}")
        for kind in ("basemap", "semantic_prior"):
            image = BitMap(nusc.dataroot, name, kind).image
            scale = image.shape[1] / town.canvas_edge[0]
            same = abs(image.shape[0] / town.canvas_edge[1] / scale - 1) < 0.01
            checks.report(same and image.min() < image.max(), f"{kind} {name}", f"{image.shape}, {scale:.2f} px/m")
        on_road = far = 0
        for sample in nusc.sample:
            scene = nusc.get("scene", sample["scene_token"])
            if nusc.get("log", scene["log_token"])["location"] != name:
                continue
            x, y, _ = ego_pose(nusc, sample)["translation"]
            on_road += bool(town.record_on_point(x, y, "drivable_area"))
            lane = town.get_closest_lane(x, y, radius=5)
            far += not lane
        checks.report(on_road > 0 and far == 0, f"ego on the map {name}", f"{on_road} poses on drivable area, {far} without a lane")
        check_mask(nusc, checks, name)


def check_mask(nusc, checks, name):
    """The ego car stands on the mask of the map that its log names."""
    log = next(log for log in nusc.log if log["location"] == name)
    scene = next(scene for scene in nusc.scene if scene["log_token"] == log["token"])
    x, y, _ = ego_pose(nusc, nusc.get("sample", scene["first_sample_token"]))["translation"]
    mask = nusc.get("map", log["map_token"])["mask"]
    checks.report(bool(mask.is_on_mask(x, y)[0]), f"map mask {name}", "ego on it")


def ego_pose(nusc, sample):
    row = nusc.get("sample_data", sample["data"]["LIDAR_TOP"])
    return nusc.get("ego_pose", row["ego_pose_token"])


def open_can_bus(nusc, checks):
    can = NuScenesCanBus(dataroot=nusc.dataroot)
    problems = []
    for scene in nusc.scene:
        name = scene["name"]
        for message in can.all_messages:
            rows = can.get_messages(name, message, print_warnings=False)
            if not rows:
                problems.append(f" {name}: no {message}")
            times = [row["utime"] for row in rows] if message in can.can_messages else [0, 1]
            if any(b <= a for a, b in zip(times, times[1:])):
                problems.append(f" {name}: {message} is out of order")
        poses = can.get_messages(name, "pose")
        for token in samples_of(nusc, scene):
            wanted = ego_pose(nusc, nusc.get("sample", token))
            nearest = min(poses, key=lambda row: abs(row["utime"] - wanted["timestamp"]))
            off = numpy.linalg.norm(numpy.subtract(nearest["pos"], wanted["translation"]))
            if abs(nearest["utime"] - wanted["timestamp"]) > 20_000 or off > 0.5:
                problems.append(f" {name}: pose {off:.2f} m off")
    checks.report(not problems, "CAN bus", f"{len(nusc.scene)} scenes" + "".join(problems[:5]))
    checks.report(not can.list_misaligned_routes(), "routes", "within 5 m of the ego's poses")


def samples_of(nusc, scene):
    token = scene["first_sample_token"]
    while token:
        yield token
        token = nusc.get("sample", token)["next"]


def compare_splits(nusc, checks):
    official = create_splits_scenes()
    with open(os.path.join(nusc.dataroot, VERSION, "splits.json"), encoding="utf-8") as file:
        own = json.load(file)
    names, locations = {scene["name"] for scene in nusc.scene}, collections.defaultdict(set)
    for split in ("train", "val", "test"):
        ours = set(own[split])
        for scene in nusc.scene:
            if scene["name"] in ours:
                locations[split].add(nusc.get("log", scene["log_token"])["location"])
        checks.report(ours and ours == names & set(official[split]) == names & set(get_scenes_of_split(split, nusc)),
                      f"split {split}", f"{sorted(ours)} in {sorted(locations[split])}")
    shared = [a & b for a, b in ((locations["train"], locations["val"]), (locations["train"], locations["test"]),
                                 (locations["val"], locations["test"]))]
    checks.report(not any(shared), "no town in two splits", str(dict(locations)))


def read_occupancy(nusc, checks):
    classes, wrong = numpy.zeros(18, dtype=numpy.int64), []
    with open(os.path.join(nusc.dataroot, "annotations.json"), encoding="utf-8") as file:
        infos = json.load(file)
    occupied = lidar = camera = 0
    for scene in nusc.scene:
        for token in samples_of(nusc, scene):
            frame = infos["scene_infos"][scene["name"]][token]
            if frame["ego_pose"]["translation"] != ego_pose(nusc, nusc.get("sample", token))["translation"]:
                wrong.append(f" {token}: another pose")
            for camera_token, view in frame["camera_sensor"].items():
                if nusc.get("sample_data", camera_token)["filename"] != view["img_path"]:
                    wrong.append(f" {token}: {view['img_path']}")
            labels = numpy.load(os.path.join(nusc.dataroot, frame["gt_path"]))
            for name, most in (("semantics", 17), ("mask_lidar", 1), ("mask_camera", 1)):
                array = labels[name]
                if array.shape != (200, 200, 16) or array.dtype != numpy.uint8 or array.max() > most:
                    wrong.append(f" {token}: {name} {array.shape} {array.dtype} {array.max()}")
            if (labels["mask_camera"] > labels["mask_lidar"]).any():
                wrong.append(f" {token}: the camera sees what the lidar does not")
            classes += numpy.bincount(labels["semantics"].ravel(), minlength=18)
            occupied += (labels["semantics"] < 17).mean()
            lidar += labels["mask_lidar"].mean()
            camera += labels["mask_camera"].mean()
    count = len(nusc.sample)
    checks.report(not wrong, "occupancy labels", f"{count} files" + "".join(wrong[:5]))
    shares = f"occupied {occupied / count:.3f}, lidar {lidar / count:.3f}, camera {camera / count:.3f}"
    checks.report(0.01 < occupied / count < 0.1 and 0.03 < camera / count <= lidar / count < 0.2, "occupancy shares", shares)
    print(f"     synthetic voxels by class: {classes.tolist()}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", required=True)
    parser.add_argument("--program", required=True)
    arguments = parser.parse_args()
    data = os.path.join(arguments.work, "data")
    shutil.rmtree(data, ignore_errors=True)

    def command(seed):
        return [arguments.program, "synth", "--out", data, "--scenes", str(SCENES), "--seed", str(seed),
                "--image-scale", str(SCALE), "--keyframes", str(KEYFRAMES), "--set", f"set.sweeps={SWEEPS}"]

    check.run_program(command(3))
    checks = check.Checks("synthetic")
    nusc = NuScenes(version=VERSION, dataroot=data, verbose=False)
    checks.report(len(nusc.scene) == SCENES and len(nusc.sample) == SCENES * KEYFRAMES, "devkit opens it",
                  f"{len(nusc.scene)} scenes, {len(nusc.sample)} samples, {len(nusc.sample_annotation)} annotations")
    for part in (walk_scenes, walk_instances, count_points, look_into_cameras, open_maps, open_can_bus,
                 compare_splits, read_occupancy):
        part(nusc, checks)
    again = subprocess.run(command(3), capture_output=True, text=True)
    checks.report(again.returncode == 0 and "0 made, 4 kept" in again.stdout, "a second run keeps all", again.stdout.strip())
    other = subprocess.run(command(4), capture_output=True, text=True)
    checks.report(other.returncode == 2 and "holds another synthetic data set" in other.stderr,
                  "another seed is refused", other.stderr.strip())
    return checks.summary()


if __name__ == "__main__":
    sys.exit(main())
