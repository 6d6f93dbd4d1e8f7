#!/usr/bin/env python3
"""Times nuscenes-devkit opening a data set's tables, for bench/nuscenes_tables/compare.

    nuscenes_devkit.py --dataroot DIR [--version v1.0-trainval]

Prints one line of JSON: seconds to open, milliseconds to the first frame (poses and boxes of one keyframe's
seven sensors), peak memory in MB. Base-map pictures that the tables name and that are not there are made, one
pixel each: the devkit refuses to open without them.
"""

import argparse
import json
import os
import resource
import time


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--dataroot", required=True)
    parser.add_argument("--version", default="v1.0-trainval")
    args = parser.parse_args()

    from nuscenes import NuScenes
    from PIL import Image

    with open(os.path.join(args.dataroot, args.version, "map.json")) as file:
        for row in json.load(file):
            path = os.path.join(args.dataroot, row["filename"])
            if not os.path.exists(path):
                os.makedirs(os.path.dirname(path), exist_ok=True)
                Image.new("L", (1, 1)).save(path)
    start = time.perf_counter()
    data = NuScenes(version=args.version, dataroot=args.dataroot, verbose=False)
    opened = time.perf_counter()
    sample = data.get("sample", data.scene[0]["first_sample_token"])
    for channel, token in sample["data"].items():
        if channel.startswith("CAM") or channel == "LIDAR_TOP":
            data.get("ego_pose", data.get("sample_data", token)["ego_pose_token"])
            data.get_boxes(token)
    framed = time.perf_counter()
    print(json.dumps({
        "open_s": round(opened - start, 3),
        "first_frame_ms": round(1e3 * (framed - opened), 3),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "annotations_of_first": len(sample["anns"]),
    }))


if __name__ == "__main__":
    main()
