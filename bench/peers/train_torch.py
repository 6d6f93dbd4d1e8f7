#!/usr/bin/env python3
"""Runs steps of stage 2 in plain PyTorch (plain_torch.py), for bench/peers/compare.

    train_torch.py --checkpoint DIR --examples FILE --batch N [--questions shared|separate]
                   [--lambda X] [--lovasz X] [--threads 2]

FILE is what `occvla dump examples` wrote; steps walk through it from its first frame. One JSON line a step:
losses, seconds of wall and processor time; then one with the highest memory.
"""

import argparse
import json
import os
import sys
import time


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--examples", required=True, help="safetensors of `occvla dump examples`")
    parser.add_argument("--batch", type=int, required=True, help="frames of a step")
    parser.add_argument("--questions", choices=("shared", "separate"), default="shared",
                        help="one image prefill a frame, or one sequence a question")
    parser.add_argument("--lambda", dest="factor", type=float, default=1.0, help="0: no occupancy")
    parser.add_argument("--lovasz", type=float, default=1.0)
    parser.add_argument("--learning-rate", type=float, default=1e-4)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


OPTIONS = arguments()
os.environ["OMP_NUM_THREADS"] = str(OPTIONS.threads)

import torch  # noqa: E402

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import plain_torch  # noqa: E402


def peak_memory_bytes():
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))


def main():
    torch.set_num_threads(OPTIONS.threads)
    modules = ["vision", "projector", "language", "adapters"] + (["occupancy"] if OPTIONS.factor > 0 else [])
    model = plain_torch.OccVla(OPTIONS.checkpoint, modules)
    frames = plain_torch.read_examples(OPTIONS.examples)
    steps = len(frames) // OPTIONS.batch
    optimizer = plain_torch.Optimizer(
        {name: model.w[name] for name in model.trained},
        dict(steps=steps, warmup=0, learning_rate=OPTIONS.learning_rate, final_rate=1.0, beta1=0.9, beta2=0.95,
             epsilon=1e-8, weight_decay=0.01, clip=1.0))
    loss = {"lambda": OPTIONS.factor, "cross_entropy": 1.0, "lovasz": OPTIONS.lovasz}
    for step in range(steps):
        wall, processor = time.perf_counter(), time.process_time()
        parts = model.losses(frames[step * OPTIONS.batch:(step + 1) * OPTIONS.batch], loss, OPTIONS.questions == "shared")
        norm = optimizer.move(sum(parts.values()))
        values = {f"loss_{name}": value.item() for name, value in parts.items()}
        print(json.dumps({**values, "gradient_norm": norm, "wall_s": time.perf_counter() - wall,
                          "processor_s": time.process_time() - processor}), flush=True)
    print(json.dumps({"peak_memory_bytes": peak_memory_bytes(), "torch": torch.__version__}))


if __name__ == "__main__":
    main()
