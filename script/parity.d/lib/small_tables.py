"""A small data set in nuScenes's format for comparisons: tables only, with poses, boxes and gaps at random."""

import json
import math
import os
import random

CHANNELS = ["CAM_FRONT", "CAM_FRONT_RIGHT", "CAM_BACK_RIGHT", "CAM_BACK", "CAM_BACK_LEFT", "CAM_FRONT_LEFT",
            "LIDAR_TOP", "RADAR_FRONT"]
YAWS = {"CAM_FRONT": 0, "CAM_FRONT_RIGHT": -55, "CAM_BACK_RIGHT": -110, "CAM_BACK": 180, "CAM_BACK_LEFT": 110,
        "CAM_FRONT_LEFT": 55, "LIDAR_TOP": -90, "RADAR_FRONT": 0}
CATEGORIES = ["human.pedestrian.adult", "vehicle.car", "vehicle.truck", "movable_object.barrier"]
ATTRIBUTES = ["vehicle.moving", "vehicle.parked", "pedestrian.standing"]


def multiply(a, b):
    w, x, y, z = a
    W, X, Y, Z = b
    return [w * W - x * X - y * Y - z * Z, w * X + x * W + y * Z - z * Y,
            w * Y - x * Z + y * W + z * X, w * Z + x * Y - y * X + z * W]


def turn(axis, angle):
    return [math.cos(angle / 2)] + [math.sin(angle / 2) * a for a in axis]


class Maker:
    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.tables = {name: [] for name in (
            "attribute", "calibrated_sensor", "category", "ego_pose", "instance", "log", "map", "sample",
            "sample_annotation", "sample_data", "scene", "sensor", "visibility")}

    def token(self):
        return "%032x" % self.rng.getrandbits(128)

    def add(self, table, **fields):
        row = {"token": self.token(), **fields}
        self.tables[table].append(row)
        return row

    def tilted(self, yaw):
        """A turn about z with a little of the other two."""
        q = turn((0, 0, 1), yaw)
        q = multiply(q, turn((1, 0, 0), self.rng.gauss(0, 0.02)))
        return multiply(q, turn((0, 1, 0), self.rng.gauss(0, 0.02)))

    def make(self, scenes, keyframes):
        for name in CATEGORIES:
            self.add("category", name=name, description="")
        for name in ATTRIBUTES:
            self.add("attribute", name=name, description="")
        for level in "1234":
            self.tables["visibility"].append({"description": "", "token": level, "level": "v" + level})
        for channel in CHANNELS:
            self.add("sensor", channel=channel,
                     modality="camera" if "CAM" in channel else "lidar" if "LIDAR" in channel else "radar")
        logs = [self.add("log", logfile=f"n{i}", vehicle="n015", date_captured="2018-07-24", location=f"town-{i % 2}")
                for i in range(scenes)]
        self.add("map", log_tokens=[log["token"] for log in logs], category="semantic_prior", filename="maps/a.png")
        for i, log in enumerate(logs):
            self.make_scene(i, log, keyframes)
        for rows in self.tables.values():
            self.rng.shuffle(rows)
        return self.tables

    def make_scene(self, i, log, keyframes):
        rng, start = self.rng, 1532402927000000 + i * 10**9
        scene = self.add("scene", log_token=log["token"], nbr_samples=keyframes, first_sample_token="",
                         last_sample_token="", name=f"scene-{i + 1:04}", description="made up")
        times = [start]
        for _ in range(1, keyframes):
            times.append(times[-1] + rng.choice([400000, 500000, 600000, 1600000]))
        samples = [self.add("sample", timestamp=t, prev="", next="", scene_token=scene["token"]) for t in times]
        self.link(samples)
        scene["first_sample_token"], scene["last_sample_token"] = samples[0]["token"], samples[-1]["token"]
        self.start_yaw, self.speed = rng.uniform(-3, 3), rng.uniform(0, 15)
        self.origin = (rng.uniform(300, 1500), rng.uniform(300, 1500))
        for sensor in [row for row in self.tables["sensor"]]:
            self.make_files(sensor, samples, times)
        for _ in range(16):
            self.make_instance(samples)

    def link(self, rows):
        for a, b in zip(rows, rows[1:]):
            a["next"], b["prev"] = b["token"], a["token"]

    def pose_at(self, seconds):
        yaw = self.start_yaw + 0.1 * seconds
        return {"rotation": self.tilted(yaw),
                "translation": [self.origin[0] + self.speed * seconds * math.cos(yaw),
                                self.origin[1] + self.speed * seconds * math.sin(yaw), 0.0]}

    def make_files(self, sensor, samples, times):
        rng, channel = self.rng, sensor["channel"]
        camera = sensor["modality"] == "camera"
        rotation = self.tilted(math.radians(YAWS[channel]))
        if camera:
            rotation = multiply(rotation, [0.5, -0.5, 0.5, -0.5])
        focal = rng.uniform(1200, 1300)
        mount = self.add("calibrated_sensor", sensor_token=sensor["token"], rotation=rotation,
                         translation=[rng.uniform(-1, 2), rng.uniform(-0.5, 0.5), rng.uniform(1, 2)],
                         camera_intrinsic=[[focal, 0.0, 816.3], [0.0, focal, 491.5], [0.0, 0.0, 1.0]] if camera else [])
        rows = []
        for k, sample in enumerate(samples):
            moments = [(times[k] - (rng.randrange(40000) if camera else 0), True)]
            if k:
                moments = [(times[k - 1] + (times[k] - times[k - 1]) * j // 4, False) for j in (1, 2, 3)] + moments
            for time, key in moments:
                pose = self.add("ego_pose", timestamp=time, **self.pose_at((time - times[0]) * 1e-6))
                extension = "jpg" if camera else "pcd.bin"
                rows.append(self.add(
                    "sample_data", sample_token=sample["token"], ego_pose_token=pose["token"],
                    calibrated_sensor_token=mount["token"], timestamp=time, fileformat=extension[:3],
                    is_key_frame=key, height=900 if camera else 0, width=1600 if camera else 0, prev="", next="",
                    filename=f"{'samples' if key else 'sweeps'}/{channel}/made__{channel}__{time}.{extension}"))
        self.link(rows)

    def make_instance(self, samples):
        """Seen in some of the keyframes, now and then not in one between."""
        rng = self.rng
        seen = [sample for sample in samples[rng.randrange(3):] if rng.random() < 0.8]
        if not seen:
            return
        instance = self.add("instance", category_token=rng.choice(self.tables["category"])["token"],
                            nbr_annotations=len(seen), first_annotation_token="", last_annotation_token="")
        place = [self.origin[0] + rng.gauss(0, 30), self.origin[1] + rng.gauss(0, 30), rng.uniform(0.5, 2)]
        yaw, size = rng.uniform(-3, 3), [rng.uniform(0.5, 3), rng.uniform(0.5, 12), rng.uniform(1, 4)]
        step = rng.choice([0, 0.01, 0.3, 2.0])
        rows = []
        for sample in seen:
            place = [p + rng.gauss(0, 2) for p in place[:2]] + place[2:]
            yaw += step * rng.uniform(-1, 1)
            attributes = [rng.choice(self.tables["attribute"])["token"]] if rng.random() < 0.7 else []
            rotation = turn((0, 0, 1), yaw)
            sign = rng.choice([1, -1])  # Both stand for the same turn.
            rows.append(self.add(
                "sample_annotation", sample_token=sample["token"], instance_token=instance["token"],
                visibility_token=rng.choice(["", "1", "2", "3", "4"]), attribute_tokens=attributes,
                translation=place, size=size, rotation=[sign * q for q in rotation], prev="", next="",
                num_lidar_pts=rng.randrange(100), num_radar_pts=rng.randrange(5)))
        self.link(rows)
        instance["first_annotation_token"] = rows[0]["token"]
        instance["last_annotation_token"] = rows[-1]["token"]


def make(dataroot, version, scenes=5, keyframes=10, seed=1):
    """Writes the thirteen tables, splits.json and what the devkit needs to open them."""
    from PIL import Image

    folder = os.path.join(dataroot, version)
    os.makedirs(folder, exist_ok=True)
    os.makedirs(os.path.join(dataroot, "maps"), exist_ok=True)
    Image.new("L", (1, 1)).save(os.path.join(dataroot, "maps", "a.png"))
    for name, rows in Maker(seed).make(scenes, keyframes).items():
        with open(os.path.join(folder, name + ".json"), "w", encoding="utf-8") as file:
            json.dump(rows, file, indent=0)
    with open(os.path.join(folder, "splits.json"), "w", encoding="utf-8") as file:
        json.dump({"some": ["scene-0001", "scene-0003"]}, file)
