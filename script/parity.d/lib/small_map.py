"""A small map expansion for comparisons: roads that are straight and curved, junctions of three and four arms."""

import json
import math
import os
import random
import uuid

SHAPES = ["LRL", "RLR", "LSL", "LSR", "RSL", "RSR"]
SIGNS = {"L": 1, "S": 0, "R": -1}
WIDTH = 3.5


def follow(pose, shape, radius, lengths):
    """Where a path of three pieces of constant curvature ends."""
    x, y, yaw = pose
    for letter, length in zip(shape, lengths):
        curvature = SIGNS[letter] / radius
        if curvature:
            x += (math.sin(yaw + curvature * length) - math.sin(yaw)) / curvature
            y -= (math.cos(yaw + curvature * length) - math.cos(yaw)) / curvature
        else:
            x, y = x + length * math.cos(yaw), y + length * math.sin(yaw)
        yaw += curvature * length
    return [x, y, (yaw + math.pi) % (2 * math.pi) - math.pi]


class Maker:
    def __init__(self, seed):
        self.random = random.Random(seed)
        layers = ("node line polygon drivable_area road_segment road_block lane lane_connector ped_crossing walkway "
                  "stop_line carpark_area road_divider lane_divider traffic_light").split()
        self.map = {layer: [] for layer in layers}
        self.map.update(version="1.3", canvas_edge=[700.5, 640.0], arcline_path_3={}, connectivity={})

    def token(self):
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def add(self, layer, **fields):
        record = {"token": self.token(), **fields}
        self.map[layer].append(record)
        return record["token"]

    def nodes(self, points):
        return [self.add("node", x=float(x), y=float(y)) for x, y in points]

    def line(self, points):
        return self.add("line", node_tokens=self.nodes(points))

    def polygon(self, points, holes=()):
        holes = [{"node_tokens": self.nodes(hole)} for hole in holes]
        return self.add("polygon", exterior_node_tokens=self.nodes(points), holes=holes)

    def paths(self, start, pieces):
        records, pose = [], list(start)
        for shape, radius, lengths in pieces:
            end = follow(pose, shape, radius, lengths)
            records.append({"start_pose": pose, "end_pose": end, "shape": shape, "radius": radius,
                            "segment_length": list(lengths)})
            pose = end
        return records, pose

    def sides(self, paths):
        """Points left and right of a course, about every 2 m."""
        left, right = [], []
        for path in paths:
            pose = path["start_pose"]
            for letter, length in zip(path["shape"], path["segment_length"]):
                count = max(1, math.ceil(length / 2))
                for i in range(count + 1):
                    x, y, yaw = follow(pose, letter, path["radius"], [length * i / count])
                    left.append((x - WIDTH / 2 * math.sin(yaw), y + WIDTH / 2 * math.cos(yaw)))
                    right.append((x + WIDTH / 2 * math.sin(yaw), y - WIDTH / 2 * math.cos(yaw)))
                pose = follow(pose, letter, path["radius"], [length])
        return left, right

    def element(self, layer, start, pieces):
        """A lane or connector; its token and where it ends."""
        paths, end = self.paths(start, pieces)
        left, right = self.sides(paths)
        ring = right + left[::-1]
        ring = [p for i, p in enumerate(ring) if math.dist(p, ring[i - 1]) > 1e-6]
        polygon = self.polygon(ring)
        if layer == "lane":
            segments = [{"node_token": node, "segment_type": "DOUBLE_DASHED_WHITE"}
                        for node in self.nodes(left[:: max(1, len(left) // 3)])]
            token = self.add("lane", polygon_token=polygon, lane_type="CAR",
                             from_edge_line_token=self.line([left[0], right[0]]),
                             to_edge_line_token=self.line([left[-1], right[-1]]),
                             left_lane_divider_segments=segments, right_lane_divider_segments=[])
            self.add("lane_divider", line_token=self.line(left), lane_divider_segments=segments)
            segment = self.add("road_segment", polygon_token=polygon, is_intersection=False,
                               drivable_area_token="")
            self.add("road_block", polygon_token=polygon, from_edge_line_token="", to_edge_line_token="",
                     road_segment_token=segment)
            self.add("road_divider", line_token=self.line(right), road_segment_token=segment)
        else:
            token = self.add("lane_connector", polygon_token=polygon)
        self.map["arcline_path_3"][token] = paths
        self.map["connectivity"][token] = {"incoming": [], "outgoing": []}
        return token, end

    def join(self, first, second):
        self.map["connectivity"][first]["outgoing"].append(second)
        self.map["connectivity"][second]["incoming"].append(first)

    def junction(self, x, y, arms):
        """Lanes into a crossing of `arms` roads, connectors through it, lanes out of it."""
        reach, ways = 14.0, [2 * math.pi * k / arms + self.random.uniform(-0.2, 0.2) for k in range(arms)]
        into, out = [], []
        for way in ways:
            length, side = self.random.uniform(20, 60), (math.sin(way) * WIDTH / 2, -math.cos(way) * WIDTH / 2)
            pieces = [self.piece(length)]
            at = (x + reach * math.cos(way), y + reach * math.sin(way))
            token, _ = self.element("lane", [at[0] + side[0], at[1] + side[1], way], pieces)
            out.append((token, way, self.map["arcline_path_3"][token][0]["start_pose"]))
            far = (at[0] + length * math.cos(way), at[1] + length * math.sin(way))
            straight = [("LSL", 999.999, [0.0, length / 2, 0.0]), ("RSR", 999.999, [0.0, length / 2, 0.0])]
            start = [far[0] - side[0], far[1] - side[1], (way + 2 * math.pi) % (2 * math.pi) - math.pi]
            token, end = self.element("lane", start, straight)
            into.append((token, way, end))
        corners = [(x + reach * 1.2 * math.cos(way), y + reach * 1.2 * math.sin(way)) for way in ways]
        polygon = self.polygon(corners)
        area = self.add("drivable_area", polygon_tokens=[
            self.polygon([(x - 60, y - 60), (x + 60, y - 60), (x + 60, y + 60), (x - 60, y + 60)],
                         [[(x - 30, y + 20), (x - 20, y + 20), (x - 25, y + 30)]]),
            self.polygon([(x + 70, y), (x + 75, y), (x + 75, y + 5)])])
        segment = self.add("road_segment", polygon_token=polygon, is_intersection=True, drivable_area_token=area)
        for token, way, end in into:
            for other, leaving, start in out:
                if way != leaving:
                    pieces = [("LSR" if self.random.random() < 0.5 else "RSL", 9.5,
                               [self.random.uniform(0, 4), self.random.uniform(4, 14), self.random.uniform(0, 4)])]
                    connector, _ = self.element("lane_connector", end, pieces)
                    self.join(token, connector)
                    self.join(connector, other)
            self.furnish(end, segment)

    def piece(self, length):
        shape = self.random.choice(SHAPES)
        shares = [self.random.random() ** 2 + 1e-9 for _ in range(3)]
        if self.random.random() < 0.3:
            shares[self.random.randrange(3)] = 1e-5  # Shorter than any step.
        return shape, self.random.uniform(60, 400), [length * share / sum(shares) for share in shares]

    def furnish(self, end, segment):
        x, y, _ = end
        box = [(x - 3, y - 2), (x + 3, y - 2), (x + 3, y + 2), (x - 3, y + 2)]
        crossing = self.add("ped_crossing", polygon_token=self.polygon(box), road_segment_token=segment)
        block = self.map["road_block"][-1]["token"]
        zero = dict.fromkeys(("tx", "ty", "tz", "rx", "ry", "rz"), 0.0)
        items = [{"color": color, "shape": "CIRCLE", "rel_pos": zero, "to_road_block_tokens": [block]}
                 for color in ("RED", "YELLOW", "GREEN")]
        light = self.add("traffic_light", line_token=self.line([(x + 5, y), (x + 5.4, y)]),
                         traffic_light_type="VERTICAL", from_road_block_token=block, items=items,
                         pose={**zero, "tx": x + 5, "ty": y, "tz": 2.4})
        self.add("stop_line", polygon_token=self.polygon(box), stop_line_type="TRAFFIC_LIGHT",
                 ped_crossing_tokens=[], traffic_light_tokens=[light], road_block_token=block)
        self.add("stop_line", polygon_token=self.polygon(box), stop_line_type="PED_CROSSING",
                 ped_crossing_tokens=[crossing], traffic_light_tokens=[], road_block_token=None)
        walk = [(x - 20, y + 8), (x + 9, y + 5), (x + 20, y + 8), (x + 12, y + 20), (x - 2, y + 9)]
        self.add("walkway", polygon_token=self.polygon(walk))
        self.add("carpark_area", polygon_token=self.polygon([(a, b - 30) for a, b in box]), orientation=0.25,
                 road_block_token=block)


def make(path, seed=1):
    """Writes the map; also with a line without nodes, road blocks of a polygon whose token is null, and
    edges to lanes that do not exist, as the real ones have."""
    maker = Maker(seed)
    for column in range(3):
        for row in range(3):
            maker.junction(110 + 220 * column, 110 + 200 * row, 3 + (column + row) % 2)
    maker.add("lane_divider", line_token=maker.line([]), lane_divider_segments=[])
    maker.polygon([(300, 300), (420, 300), (420, 340), (360, 380), (300, 340)])
    maker.map["polygon"][-1]["token"] = None
    for _ in range(3):
        maker.add("road_block", polygon_token=None, from_edge_line_token="", to_edge_line_token="",
                  road_segment_token=maker.map["road_segment"][0]["token"])
    for lane in maker.map["lane"][::7]:
        maker.map["connectivity"][lane["token"]]["outgoing"].insert(0, maker.token())
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(maker.map, file)
