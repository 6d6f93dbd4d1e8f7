"""Answers of `occvla dump map` against the devkit's NuScenesMap. Started by ./nuscenes_map; ends with 1 on a difference."""

import argparse
import json
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import check  # noqa: E402
import small_map  # noqa: E402

import numpy  # noqa: E402
from nuscenes.map_expansion import arcline_path_utils  # noqa: E402
from nuscenes.map_expansion.map_api import NuScenesMap  # noqa: E402
from shapely.geometry import LineString, MultiPolygon, Point, box  # noqa: E402

COUNT = 500
TOLERANCE = 1e-9  # Relative to the largest coordinate, as yaws of +-pi wrap.
STEPS = [0.1, 0.3, 0.5, 1.0, 2.5, 10.0]


def places(town, rng, count):
    """Points near lanes, for the most part."""
    lines = [p for p in town.discretize_centerlines(2.0) if len(p)]
    width, height = town.canvas_edge
    for _ in range(count):
        if rng.random() < 0.1:
            yield rng.uniform(0, width), rng.uniform(0, height)
        else:
            x, y, _ = rng.choice(rng.choice(lines))
            yield x + rng.gauss(0, 3), y + rng.gauss(0, 3)


def queries_for(town, rng):
    with_path = [token for token, paths in town.arcline_path_3.items() if paths]
    layers = town.non_geometric_layers + ["lane_connector"]
    areas = town.lookup_polygon_layers
    lengths = {token: arcline_path_utils.length_of_lane(town.arcline_path_3[token]) for token in with_path}
    curvature = [rng.choice(with_path) for _ in range(COUNT)]
    return {
        "discretise": [{"token": rng.choice(with_path), "step": rng.choice(STEPS)} for _ in range(COUNT)],
        "arcline_path": [{"token": rng.choice(with_path)} for _ in range(COUNT)],
        "curvature": [{"token": t, "s": rng.uniform(0, 0.999 * lengths[t])} for t in curvature],
        "closest": [{"x": x, "y": y, "radius": rng.choice([1, 2, 5, 10])} for x, y in places(town, rng, COUNT)],
        "connectivity": [{"token": rng.choice(list(town.connectivity))} for _ in range(COUNT)],
        "near": [{"layer": rng.choice(layers), "x": x, "y": y, "radius": rng.choice([1, 5, 20, 51.2])}
                 for x, y in places(town, rng, COUNT)],
        "containing": [{"layer": rng.choice(areas), "x": x, "y": y} for x, y in places(town, rng, COUNT)],
    }


def apart(got, want):
    """Greatest distance between two lists of poses relative to the largest number; yaws by their angle."""
    got, want = numpy.array(got, dtype=float), numpy.array(want, dtype=float)
    if got.shape != want.shape:
        return float("inf")
    if not got.size:
        return 0.0
    turned = numpy.abs((got[:, 2] - want[:, 2] + numpy.pi) % (2 * numpy.pi) - numpy.pi).max()
    scale = max(1.0, numpy.abs(want[:, :2]).max())
    return max(numpy.abs(got[:, :2] - want[:, :2]).max() / scale, turned / numpy.pi)


def compare_numbers(checks, town, queries, answers):
    worst = [apart(a, town.discretize_lanes([q["token"]], q["step"])[q["token"]])
             for q, a in zip(queries["discretise"], answers["discretise"])]
    checks.report(max(worst) <= TOLERANCE, "discretised lanes",
                  f"{len(worst)} queries, {max(worst):.1e} (allowed {TOLERANCE:.0e})")
    different = [q["token"] for q, a in zip(queries["arcline_path"], answers["arcline_path"])
                 if a != town.get_arcline_path(q["token"])]
    checks.report(not different, "arc-line paths", f"{COUNT} queries, different: {different[:5]}")
    worst = [abs(a - arcline_path_utils.get_curvature_at_distance_along_lane(q["s"], town.get_arcline_path(q["token"])))
             for q, a in zip(queries["curvature"], answers["curvature"])]
    checks.report(max(worst) <= TOLERANCE, "curvature", f"{len(worst)} queries, {max(worst):.1e}")


def compare_lanes(checks, town, queries, answers):
    different, found = [], 0
    for query, answer in zip(queries["closest"], answers["closest"]):
        want = town.get_closest_lane(query["x"], query["y"], query["radius"])
        found += bool(want)
        if answer != want:
            different.append((query, answer, want))
    checks.report(not different and found > COUNT / 4, "closest lanes",
                  f"{COUNT} queries, {found} with a lane, different: {different[:3]}")
    different = [q["token"] for q, a in zip(queries["connectivity"], answers["connectivity"])
                 if sorted(a["incoming"]) != sorted(town.get_incoming_lane_ids(q["token"]))
                 or sorted(a["outgoing"]) != sorted(town.get_outgoing_lane_ids(q["token"]))]
    checks.report(not different, "connectivity", f"{COUNT} queries, different: {different[:5]}")


def line_meets(town, layer, token, square):
    line = [(node["x"], node["y"]) for node in
            (town.get("node", t) for t in town.get(layer, token)["node_tokens"])]
    if not line:
        return False
    return (LineString(line) if len(line) > 1 else Point(line[0])).intersects(square)


def compare_areas(checks, town, queries, answers):
    different, found, passing = [], 0, 0
    for query, answer in zip(queries["near"], answers["near"]):
        layer, x, y, r = query["layer"], query["x"], query["y"], query["radius"]
        want = town.get_records_in_radius(x, y, r, [layer])[layer]
        if layer in town.non_geometric_line_layers:
            # The devkit asks for a node strictly inside; a line may pass through without one.
            if not set(want) <= set(answer):
                different.append((query, answer, want))
            passing += len(answer) - len(want)
            square = box(x - r, y - r, x + r, y + r)
            want = [record["token"] for record in getattr(town, layer) if line_meets(town, layer, record["token"], square)]
        found += len(want)
        if answer != want:
            different.append((query, answer, want))
    checks.report(not different and found > COUNT / 4, "records near a place",
                  f"{COUNT} queries, {found} records, {passing} lines that pass without a node inside, "
                  f"different: {different[:2]}")
    different, found = [], 0
    for query, answer in zip(queries["containing"], answers["containing"]):
        layer, x, y = query["layer"], query["x"], query["y"]
        if layer in town.non_geometric_polygon_layers:
            first = town.layers_on_point(x, y, [layer])[layer]
            if first != (answer[0] if answer else ""):
                different.append((query, answer, first))
        want = [record["token"] for record in getattr(town, layer) if MultiPolygon(
            [town.extract_polygon(t) for t in record.get("polygon_tokens") or [record["polygon_token"]]]).intersects(Point(x, y))]
        found += len(want)
        if answer != want:
            different.append((query, answer, want))
    checks.report(not different and found > COUNT / 10, "records at a point",
                  f"{COUNT} queries, {found} records, different: {different[:2]}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", required=True)
    parser.add_argument("--program", required=True)
    parser.add_argument("--dataroot")
    parser.add_argument("--location", default="boston-seaport")
    arguments = parser.parse_args()
    root = arguments.dataroot or os.path.join(arguments.work, "data")
    path = os.path.join(root, "maps", "expansion", arguments.location + ".json")
    if not arguments.dataroot:
        small_map.make(path)
    town = NuScenesMap(dataroot=root, map_name=arguments.location)
    queries = queries_for(town, random.Random(7))
    asked, answered = (os.path.join(arguments.work, name) for name in ("queries.json", "answers.json"))
    check.write_json(asked, queries)
    check.run_program([arguments.program, "dump", "map", "--map", path, "--queries", asked, "--output", answered])
    with open(answered, encoding="utf-8") as file:
        answers = json.load(file)
    checks = check.Checks("map")
    for part in (compare_numbers, compare_lanes, compare_areas):
        part(checks, town, queries, answers)
    return checks.summary()


if __name__ == "__main__":
    sys.exit(main())
