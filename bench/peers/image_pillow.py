"""Decode and resize as bench/image.cc does, by Pillow, on one thread.

    OMP_NUM_THREADS=1 python bench/peers/image_pillow.py FILE.jpg...

Prints milliseconds of processor time an image: decode alone, and decode with the resize to 224 x 224. Every
time is the least of several rounds over all files, which is what a busy machine disturbs least.
"""
import io
import sys
import time

from PIL import Image, __version__, features

ROUNDS = 7


def least(work, files):
    times = []
    for _ in range(ROUNDS):
        start = time.process_time()
        for data in files:
            work(data)
        times.append(time.process_time() - start)
    return min(times) / len(files) * 1000


def decode(data):
    return Image.open(io.BytesIO(data)).convert("RGB")


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    files = [open(path, "rb").read() for path in sys.argv[1:]]
    print(f"Pillow {__version__}, libjpeg-turbo {features.version('libjpeg_turbo')}, {len(files)} files")
    print(f"decode             {least(decode, files):7.2f} ms")
    print(f"decode and resize  "
          f"{least(lambda data: decode(data).resize((224, 224), Image.Resampling.BICUBIC), files):7.2f} ms")


if __name__ == "__main__":
    main()
