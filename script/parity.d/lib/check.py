"""What every parity script shares: arguments, running the program, comparing, counting."""

import json
import os
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True

DEVICE_EXIT = 5  # The program's exit code for "this machine cannot do that".


def arguments(name, extra=()):
    """`NAME WORKDIR PROGRAM PYTHON [--flag]...`; goes on under PYTHON. Gives (workdir, program, flags)."""
    flags = [a for a in sys.argv[1:] if a.startswith("--")]
    plain = [a for a in sys.argv[1:] if not a.startswith("--")]
    unknown = [f for f in flags if f.split("=")[0] not in extra]
    if len(plain) != 3 or unknown:
        text = "".join(f" [{flag}]" for flag in extra)
        sys.exit(f"usage: {name} WORKDIR PROGRAM PYTHON{text}")
    workdir, program, python = plain
    if os.path.abspath(sys.executable) != os.path.abspath(python) and not os.environ.get("PARITY_INSIDE"):
        environment = dict(os.environ, PARITY_INSIDE="1")
        os.execve(python, [python, os.path.abspath(sys.argv[0])] + sys.argv[1:], environment)
    workdir = os.path.join(os.path.abspath(workdir), name)
    shutil.rmtree(workdir, ignore_errors=True)
    os.makedirs(workdir)
    return workdir, os.path.abspath(program), flags


class NoDevice(Exception):
    """The program says that this machine cannot do what was asked."""


class ProgramError(Exception):
    """The program ended with an error where it should not."""


def run_program(command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode == DEVICE_EXIT:
        raise NoDevice(done.stderr.strip())
    if done.returncode != 0:
        shown = " ".join(os.path.basename(str(c)) if "/" in str(c) else str(c) for c in command)
        raise ProgramError(f"{shown} ended with {done.returncode}: {done.stderr.strip()[-2000:]}")
    return done


def dump(program, part, checkpoint, folder, inputs, options=()):
    """Writes `inputs`, runs `dump PART`, reads what it wrote."""
    from safetensors.torch import load_file, save_file

    source, result = os.path.join(folder, "in.safetensors"), os.path.join(folder, "out.safetensors")
    if os.path.exists(result):
        os.remove(result)
    save_file({k: v.contiguous() for k, v in inputs.items()}, source)
    run_program([program, "dump", part, "--checkpoint", checkpoint, "--input", source,
                 "--output", result, *options])
    return load_file(result)


class Checks:
    """Counts, and prints one line a check."""

    def __init__(self, title):
        self.title, self.passed, self.failed, self.skipped = title, 0, 0, 0
        self.worst = {}

    def report(self, good, what, detail):
        self.passed, self.failed = self.passed + bool(good), self.failed + (not good)
        print(f"{'ok  ' if good else 'FAIL'} {self.title} {what}: {detail}", flush=True)
        return good

    def skip(self, what, why):
        self.skipped += 1
        print(f"skip {self.title} {what}: {why}", flush=True)

    def close(self, what, got, want, *, relative=None, absolute=None, kind=None):
        """max |got - want| within `absolute`, or within `relative` of the largest magnitude of `want`."""
        if tuple(got.shape) != tuple(want.shape):
            return self.report(False, what, f"shape is {tuple(got.shape)}, expected {tuple(want.shape)}")
        got, want = got.double(), want.double()
        largest = want.abs().max().item()
        distance = (got - want).abs().max().item()
        shown, limit = (distance, absolute) if absolute is not None else (
            distance / max(largest, 1e-30), relative)
        if kind:
            self.worst[kind] = max(self.worst.get(kind, 0.0), shown / limit)
        unit = "" if absolute is not None else " of the largest"
        good = bool(got.isfinite().all()) and shown <= limit
        return self.report(good, what, f"{shown:.2e}{unit} (allowed {limit:.1e}, largest {largest:.3g})")

    def near(self, what, got, want, absolute):
        good = abs(got - want) <= absolute
        return self.report(good, what, f"{got:.7f} against {want:.7f} (allowed {absolute:.1e})")

    def equal(self, what, got, want):
        same = got.shape == want.shape and bool((got == want).all())
        if same:
            return self.report(True, what, f"{got.numel()} equal")
        if got.shape != want.shape:
            return self.report(False, what, f"shape is {tuple(got.shape)}, expected {tuple(want.shape)}")
        bad = (got != want).flatten().nonzero().flatten()
        return self.report(False, what, f"{len(bad)} of {got.numel()} differ, first at {bad[0].item()}")

    def identical(self, what, got, want):
        """Bit for bit."""
        import torch
        as_bits = {torch.float32: torch.int32, torch.bfloat16: torch.int16, torch.float16: torch.int16}
        bits = as_bits.get(got.dtype)
        if bits is None or got.dtype != want.dtype or got.shape != want.shape:
            return self.equal(what, got, want)
        return self.equal(what, got.view(bits), want.view(bits))

    def summary(self):
        for kind, worst in sorted(self.worst.items()):
            print(f"     {self.title} worst {kind}: {worst:.2f} of what is allowed", flush=True)
        print(f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped", flush=True)
        return 1 if self.failed else 0


def write_json(path, value):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=2)
        file.write("\n")
