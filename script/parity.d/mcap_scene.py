"""A scene that `occvla view export` wrote, read by other programs.

usage: mcap_scene.py WORKDIR PROGRAM PYTHON

The scene is the one of models/nano/world; predictions are made up here, in the form of a folder of `eval run`. What the
files must hold is worked out from the data set's own tables.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import check  # noqa: E402

if __name__ == "__main__":
    WORKDIR, PROGRAM, _ = check.arguments("mcap")

import ast  # noqa: E402
import base64  # noqa: E402
import collections  # noqa: E402
import json  # noqa: E402
import subprocess  # noqa: E402

import foxglove.messages  # noqa: E402
import numpy as np  # noqa: E402
from google.protobuf import descriptor_pb2  # noqa: E402
from mcap.reader import NonSeekingReader, make_reader  # noqa: E402
from PIL import Image  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WORLD = os.path.join(ROOT, "models", "nano", "world")
VERSION = "v1.0-synth"
FREE = 17
CAMERAS = ["CAM_FRONT", "CAM_FRONT_RIGHT", "CAM_FRONT_LEFT", "CAM_BACK", "CAM_BACK_LEFT", "CAM_BACK_RIGHT"]


def table(name):
    with open(os.path.join(WORLD, VERSION, name + ".json"), encoding="utf-8") as file:
        return json.load(file)


def matrix(q):
    w, x, y, z = q
    return np.array([[1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
                     [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
                     [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)]])


def vector(v):
    return np.array([v["x"], v["y"], v["z"]])


class World:
    """The tables, by key frame."""

    def __init__(self):
        scene = table("scene")[0]
        self.scene = scene["name"]
        samples = {s["token"]: s for s in table("sample")}
        self.tokens, token = [], scene["first_sample_token"]
        while token:
            self.tokens.append(token)
            token = samples[token]["next"]
        poses = {p["token"]: p for p in table("ego_pose")}
        sensors = {s["token"]: s["channel"] for s in table("sensor")}
        mounts = {m["token"]: sensors[m["sensor_token"]] for m in table("calibrated_sensor")}
        self.files, self.pose, self.time = collections.defaultdict(dict), {}, {}
        for row in table("sample_data"):
            if not row["is_key_frame"]:
                continue
            channel = mounts[row["calibrated_sensor_token"]]
            self.files[row["sample_token"]][channel] = os.path.join(WORLD, row["filename"])
            if channel == "LIDAR_TOP":
                pose = poses[row["ego_pose_token"]]
                self.pose[row["sample_token"]] = (matrix(pose["rotation"]), np.array(pose["translation"]))
                self.time[row["sample_token"]] = pose["timestamp"]
        self.boxes = collections.defaultdict(list)
        for row in table("sample_annotation"):
            self.boxes[row["sample_token"]].append(row)

    def future(self, token):
        """Up to six positions in E, and how long after."""
        at = self.tokens.index(token)
        rotation, origin = self.pose[token]
        return [(rotation.T @ (self.pose[one][1] - origin), (self.time[one] - self.time[token]) / 1e6)
                for one in self.tokens[at + 1:at + 7]]

    def labels(self, token):
        return np.load(os.path.join(WORLD, "gts", self.scene, token, "labels.npz"))["semantics"]


def make_run(folder, world):
    """A folder as `eval run` leaves it: a plan a key frame, and occupancy for every other one."""
    os.makedirs(os.path.join(folder, "replies"))
    os.makedirs(os.path.join(folder, "occupancy"))
    draw = np.random.default_rng(5)
    plans, grids = {}, {}
    with open(os.path.join(folder, "replies", "0-of-1.jsonl"), "w", encoding="utf-8") as file:
        for index, token in enumerate(world.tokens):
            speed = 1 + index
            plan = [[speed * k * 0.5, 0.05 * k * k * (-1) ** index] for k in range(1, 7)]
            plans[token] = plan
            prediction = {"token": token, "meta_action": "Decelerate, Turn Left", "trajectory": plan,
                          "text": f"Scene: number {index}, \u00fcber alles.", "flags": ["made_up"]}
            file.write(json.dumps({"prediction": prediction, "answers": []}) + "\n")
            if index % 2:
                continue
            grid = np.full((200, 200, 16), FREE, np.uint8)
            grid[draw.integers(0, 200, 500), draw.integers(0, 200, 500), draw.integers(0, 16, 500)] = 4
            grid[50:60, 60:70, 0:5] = 15
            grids[token] = grid
            np.savez_compressed(os.path.join(folder, "occupancy", token + ".npz"), pred=grid)
    return plans, grids


def read(path, reader_of, **choice):
    with open(path, "rb") as file:
        return [(channel.topic, schema.name, message.log_time, message.publish_time, message.data)
                for schema, channel, message in reader_of(file).iter_messages(**choice)]


def check_container(checks, path):
    seeking = read(path, lambda f: make_reader(f, validate_crcs=True))
    streamed = read(path, lambda f: NonSeekingReader(f, validate_crcs=True))
    checks.report(sorted(seeking) == sorted(streamed), "checksums and index",
                  f"{len(seeking)} messages by the index, {len(streamed)} from front to back")
    with open(path, "rb") as file:
        summary = make_reader(file, validate_crcs=True).get_summary()
    checks.report(summary.statistics.message_count == len(seeking), "statistics", summary.statistics.message_count)
    times = sorted({row[2] for row in seeking})
    middle = times[len(times) // 2]
    part = read(path, make_reader, topics=["/boxes", "/tf"], starting_at=middle)
    want = [row for row in seeking if row[0] in ("/boxes", "/tf") and row[2] >= middle]
    checks.report(sorted(part) == sorted(want) and part, "seeking by topic and time", f"{len(part)} messages")
    return seeking


def descriptors():
    """Foxglove's own definitions, by full name."""
    messages, enums = {}, {}

    def add(prefix, message):
        name = prefix + "." + message.name
        messages[name] = message
        for one in message.nested_type:
            add(name, one)
        for one in message.enum_type:
            enums[name + "." + one.name] = {value.number for value in one.value}

    for kind in ("CompressedImage", "CameraCalibration", "FrameTransforms", "SceneUpdate", "PointCloud", "Log"):
        schema = getattr(foxglove.messages, kind).get_schema()
        for file in descriptor_pb2.FileDescriptorSet.FromString(schema.data).file:
            for message in file.message_type:
                add("." + file.package, message)
            for enum in file.enum_type:
                enums["." + file.package + "." + enum.name] = {value.number for value in enum.value}
    return messages, enums


def unlike(value, name, messages, enums, path="message"):
    """The first place where a JSON message is not what Foxglove defines; None when it is."""
    if name in (".google.protobuf.Timestamp", ".google.protobuf.Duration"):
        good = set(value) == {"sec", "nsec"} and 0 <= value["nsec"] < 10**9 and isinstance(value["sec"], int)
        return None if good else path + " is no time"
    fields = {field.name: field for field in messages[name].field}
    if set(fields) != set(value):
        return f"{path} has {sorted(set(value) ^ set(fields))} too much or too little"
    for key, field in fields.items():
        parts = value[key] if field.label == field.LABEL_REPEATED else [value[key]]
        if not isinstance(parts, list):
            return f"{path}.{key} is no list"
        for part in parts:
            if field.type == field.TYPE_MESSAGE:
                found = unlike(part, field.type_name, messages, enums, f"{path}.{key}")
            elif field.type == field.TYPE_ENUM:
                found = None if part in enums[field.type_name] else f"{path}.{key} has no value {part}"
            else:
                kinds = {field.TYPE_STRING: str, field.TYPE_BYTES: str, field.TYPE_BOOL: bool,
                         field.TYPE_DOUBLE: (int, float)}
                kind = kinds.get(field.type, int)
                found = None if isinstance(part, kind) else f"{path}.{key} is a {type(part).__name__}"
            if found:
                return found
    return None


def check_definitions(checks, rows):
    messages, enums = descriptors()
    seen = collections.Counter()
    for topic, schema, _, _, data in rows:
        wrong = unlike(json.loads(data), "." + schema, messages, enums)
        if wrong:
            checks.report(False, f"{topic} as {schema}", wrong)
            return
        seen[schema] += 1
    checks.report(len(seen) == 6, "Foxglove's definitions", ", ".join(f"{n} {s}" for s, n in sorted(seen.items())))


def by_frame(world, rows):
    """topic -> token -> messages."""
    token_of = {time * 1000: token for token, time in world.time.items()}
    frames = collections.defaultdict(lambda: collections.defaultdict(list))
    for topic, _, log_time, _, data in rows:
        frames[topic][token_of[log_time]].append(json.loads(data))
    return frames


def check_cameras(checks, world, frames):
    same, transforms = 0, 0
    for token in world.tokens:
        places = {t["child_frame_id"]: t for t in frames["/tf"][token][0]["transforms"]}
        transforms += set(places) == {"ego", *CAMERAS}
        for camera in CAMERAS:
            message = frames[f"/camera/{camera}/image"][token][0]
            with open(world.files[token][camera], "rb") as file:
                same += base64.b64decode(message["data"], validate=True) == file.read() and message["format"] == "jpeg"
    checks.report(same == 6 * len(world.tokens), "images", f"{same} equal their files byte for byte")
    checks.report(transforms == len(world.tokens), "transforms", f"{transforms} key frames with seven")


def check_boxes(checks, world, frames):
    worst, count = 0, 0
    for token in world.tokens:
        rotation, origin = world.pose[token]
        ego = next(t for t in frames["/tf"][token][0]["transforms"] if t["child_frame_id"] == "ego")
        worst = max(worst, np.abs(vector(ego["translation"]) - origin).max())
        entities = {e["id"]: e for e in frames["/boxes"][token][0]["entities"]}
        for box in world.boxes[token]:
            cube = entities.pop(box["instance_token"])["cubes"][0]
            centre = rotation @ vector(cube["pose"]["position"]) + origin
            worst = max(worst, np.abs(centre - box["translation"]).max())
            width, length, height = box["size"]
            worst = max(worst, np.abs(vector(cube["size"]) - [length, width, height]).max())
            o = cube["pose"]["orientation"]
            turned = rotation @ matrix([o["w"], o["x"], o["y"], o["z"]])
            worst = max(worst, np.abs(turned - matrix(box["rotation"])).max())
            count += 1
        worst = max(worst, 1e9 * len(entities))
    checks.report(worst < 1e-9, "boxes", f"{count}, farthest {worst:.1e} from sample_annotation")


def surface(grid):
    solid = np.pad(grid != FREE, 1)
    hidden = np.ones_like(grid, bool)
    for axis in range(3):
        for step in (-1, 1):
            hidden &= np.roll(solid, step, axis)[1:-1, 1:-1, 1:-1]
    return np.argwhere((grid != FREE) & ~hidden)


def check_occupancy(checks, topic, grids, frames):
    points = 0
    for token, grid in grids.items():
        cloud = frames[topic][token][0]
        offsets = {f["name"]: f["offset"] for f in cloud["fields"]}
        raw = np.frombuffer(base64.b64decode(cloud["data"], validate=True), np.uint8).reshape(-1, cloud["point_stride"])
        p = np.ascontiguousarray(raw[:, :12]).view("<f4")
        cells = np.rint((p - [-40, -40, -1]) / 0.4 - 0.5).astype(int)
        want = surface(grid)
        same = cells.shape == want.shape and (cells == want).all() and (
            raw[:, offsets["class"]] == grid[tuple(want.T)]).all() and (raw[:, offsets["alpha"]] == 255).all()
        if not same:
            checks.report(False, topic, f"{token}: {len(cells)} points, expected {len(want)}")
            return
        points += len(cells)
    checks.report(len(frames[topic]) == len(grids), topic, f"{points} points in {len(grids)} key frames, all in place")


def check_ways(checks, world, plans, frames):
    worst, count = 0, 0
    for token in world.tokens:
        balls = [vector(s["pose"]["position"])[:2]
                 for s in frames["/trajectory/planned"][token][0]["entities"][0]["spheres"]]
        worst = max(worst, np.abs(np.array(balls) - plans[token]).max())
        count += len(balls)
    checks.report(worst < 1e-9 and count == 6 * len(plans), "planned", f"{count} points, {worst:.1e} from the plan")
    worst, count = 0, 0
    for token in world.tokens:
        future = world.future(token)
        if not future or token not in frames["/trajectory/driven"]:
            continue
        line = frames["/trajectory/driven"][token][0]["entities"][0]["lines"]
        if not line:
            continue  # It stood.
        points = np.array([vector(p)[:2] for p in line[0]["points"]])
        for p_E, _ in future:
            worst = max(worst, np.linalg.norm(points - p_E[:2], axis=1).min())
            count += 1
    checks.report(count > 0 and worst < 0.06, "driven", f"{count} true positions, the line is {worst:.3f} m away at most")


def check_texts(checks, world, frames):
    with open(os.path.join(WORLD, VERSION, "meta_actions.json"), encoding="utf-8") as file:
        labels = json.load(file)
    right = sum(any(m["message"] == label and m["name"] == "meta action" for m in frames["/text/labels"][token])
                for token, label in labels.items() if token in world.time)
    checks.report(right == len([t for t in labels if t in world.time]), "labels", f"{right} meta actions")
    said = sum(any(m["message"] == f"Scene: number {i}, \u00fcber alles." for m in frames["/text/model"][token]) and
               any(m["level"] == 3 and m["message"] == "made_up" for m in frames["/text/model"][token])
               for i, token in enumerate(world.tokens))
    checks.report(said == len(world.tokens), "texts", f"{said} answers with their flags")


def check_film(checks, world, folder):
    with Image.open(os.path.join(folder, "film.webp")) as film:
        times = []
        for index in range(film.n_frames):
            film.seek(index)
            film.load()
            times.append(film.info["duration"])
        page = film.convert("RGB")
        checks.report(film.n_frames == len(world.tokens) and film.size == (1920, 1080) and set(times) == {250}, "film",
                      f"{film.n_frames} pictures of {film.size}, {sorted(set(times))} ms each")
    pages = sorted(os.listdir(os.path.join(folder, "pages")))
    with Image.open(os.path.join(folder, "pages", pages[-1])) as last:
        distance = np.abs(np.asarray(last.convert("RGB"), int) - np.asarray(page, int)).mean()
    checks.report(pages == [f"{world.scene}-{i:03}.png" for i in range(len(world.tokens))] and distance < 4, "pages",
                  f"{len(pages)}, the last {distance:.2f} of 255 from the film's")


def report(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)["protocols"]


def numbers(value):
    if isinstance(value, dict):
        return [n for key in sorted(value) for n in numbers(value[key])]
    return [] if value is None else [value]


def check_predictions(checks, world, plans, grids, folder):
    with open(os.path.join(folder, "files", "nuscenes.json"), encoding="utf-8") as file:
        records = json.load(file)
    worst = 0
    for record in records:
        rotation, origin = world.pose[record["sample"]]
        track = np.array(plans[record["sample"]])
        want = (rotation[:2, :2] @ track.T).T + origin[:2]
        worst = max(worst, np.abs(np.array(record["prediction"][0]) - want).max())
    checks.report(len(records) == len(plans) and worst < 1e-9, "nuscenes.json", f"{len(records)} records, {worst:.1e} m")
    devkit = os.path.join(ROOT, "build", "deps", "devkit", "bin", "python")
    if os.path.exists(devkit):
        code = ("import json,sys; from nuscenes.eval.prediction.data_classes import Prediction; "
                "print(sum(Prediction.deserialize(r).prediction.shape == (1, 6, 2) for r in json.load(open(sys.argv[1]))))")
        done = subprocess.run([devkit, "-c", code, os.path.join(folder, "files", "nuscenes.json")],
                              capture_output=True, text=True)
        checks.report(done.stdout.strip() == str(len(plans)), "the devkit's Prediction",
                      done.stdout.strip() or done.stderr[-300:])
    else:
        checks.skip("the devkit's Prediction", "build/deps/devkit is missing")
    with open(os.path.join(folder, "files", "gpt-driver.jsonl"), encoding="utf-8") as file:
        answers = {row["token"]: row["GPT"] for row in map(json.loads, file)}
    with open(os.path.join(folder, "files", "gpt-driver.json"), encoding="utf-8") as file:
        tracks = json.load(file)
    # As GPT-Driver reads its own answers.
    worst = max(np.abs(np.array(ast.literal_eval(answers[t].split("\n")[-1])) - tracks[t]).max() for t in plans)
    checks.report(worst <= 0.005 + 1e-9, "GPT-Driver's answers", f"{len(answers)}, {worst:.4f} m from the exact ones")
    check.write_json(os.path.join(folder, "plans.json"), plans)
    for name, path, flags in (("ego", "plans.json", []),
                              ("lidar", "files/gpt-driver.json", ["--prediction-frame", "lidar"])):
        check.run_program([PROGRAM, "eval", "planning", "--dataroot", WORLD, "--version", VERSION, "--split", "all",
                           "--predictions", os.path.join(folder, path), *flags,
                           "--out", os.path.join(folder, name + ".json")])
    a, b = numbers(report(os.path.join(folder, "ego.json"))), numbers(report(os.path.join(folder, "lidar.json")))
    worst = max(abs(x - y) for x, y in zip(a, b))
    checks.report(len(a) == len(b) > 20 and worst < 1e-9, "eval planning in the lidar's axes",
                  f"{len(a)} numbers, {worst:.1e} apart")
    same = sum(np.array_equal(np.load(os.path.join(folder, "files", "sparseocc", t + ".npz"))["pred"], g)
               for t, g in grids.items())
    checks.report(same == len(grids) == len(os.listdir(os.path.join(folder, "files", "sparseocc"))),
                  "SparseOcc's files", f"{same} equal")


def main():
    checks = check.Checks("mcap")
    world = World()
    run = os.path.join(WORKDIR, "run")
    plans, grids = make_run(run, world)
    check.run_program([PROGRAM, "view", "export", "--dataroot", WORLD, "--version", VERSION, "--scene", world.scene,
                       "--no-cache", "--predictions", run, "--mcap", os.path.join(WORKDIR, "scene.mcap"),
                       "--video", os.path.join(WORKDIR, "film.webp"), "--fps", "4",
                       "--pages", os.path.join(WORKDIR, "pages"),
                       "--prediction-files", os.path.join(WORKDIR, "files")])
    rows = check_container(checks, os.path.join(WORKDIR, "scene.mcap"))
    check_definitions(checks, rows)
    frames = by_frame(world, rows)
    check_cameras(checks, world, frames)
    check_boxes(checks, world, frames)
    check_occupancy(checks, "/occupancy/true", {t: world.labels(t) for t in world.tokens}, frames)
    check_occupancy(checks, "/occupancy/predicted", grids, frames)
    check_ways(checks, world, plans, frames)
    check_texts(checks, world, frames)
    check_film(checks, world, WORKDIR)
    check_predictions(checks, world, plans, grids, WORKDIR)
    return checks.summary()


if __name__ == "__main__":
    sys.exit(main())
