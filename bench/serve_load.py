#!/usr/bin/env python3
"""Load on `occvla serve`: many clients, mixed requests, and clients that behave badly.

usage: serve_load.py PROGRAM [--clients 200] [--requests 10000] [--kill]

Starts the program with models/nano and its world, sends the mix below with bare sockets, and prints what became of every
request, the times of those that were answered, and the server's memory over time. Ends with 1 when a request was lost:
neither answered nor refused by a status that docs/API.md names. `--kill` ends the server by SIGKILL in the middle and
starts another at the same port: clients then see their connection break, and nothing else.
"""

import argparse
import asyncio
import base64
import collections
import json
import os
import random
import re
import subprocess
import sys
import time

WORLD = "models/nano/world"
# Kind of request and its share of the mix.
MIX = (("chat", 30), ("stream", 20), ("predict", 10), ("images", 5), ("health", 10), ("models", 5), ("slow_reader", 4),
       ("vanish", 4), ("vanish_early", 2), ("oversized", 2), ("broken_json", 3), ("broken_http", 2), ("broken_image", 1),
       ("unknown_frame", 1), ("unknown_field", 1))
# Which statuses are an answer, or a refusal by a stated rule.
STATED = {"chat": {200, 429, 408}, "stream": {200, 429, 408}, "predict": {200, 429, 408}, "images": {200, 429, 408},
          "health": {200}, "models": {200}, "slow_reader": {200, 429, 408}, "oversized": {413}, "broken_json": {400},
          "broken_http": {400}, "broken_image": {400}, "unknown_frame": {404}, "unknown_field": {400}}
QUESTIONS = ("What is ahead of the car?", "Are there any pedestrians?", "Predict the next meta action.")


def frames():
    with open(f"{WORLD}/v1.0-synth/sample.json", encoding="utf-8") as file:
        return [row["token"] for row in json.load(file)]


def one_image():
    with open(f"{WORLD}/v1.0-synth/sample_data.json", encoding="utf-8") as file:
        name = next(row["filename"] for row in json.load(file) if "/CAM_FRONT/" in row["filename"])
    with open(f"{WORLD}/{name}", "rb") as file:
        return base64.b64encode(file.read()).decode()


class Mix:
    """Bytes of requests."""

    def __init__(self, seed):
        self.random, self.frames, self.image = random.Random(seed), frames(), one_image()
        self.kinds = [kind for kind, share in MIX for _ in range(share)]

    def kind(self):
        return self.random.choice(self.kinds)

    def chat(self, **more):
        return {"model": "nano", "max_tokens": self.random.choice((1, 8, 24)),
                "messages": [{"role": "user", "content": self.random.choice(QUESTIONS)}],
                "occvla": {"frame": self.random.choice(self.frames)}, **more}

    def request(self, kind):
        if kind in ("health", "models"):
            return f"GET {'/healthz' if kind == 'health' else '/v1/models'} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        if kind == "broken_http":
            return self.random.choice((b"NONSENSE\r\n\r\n", b"GET / HTTP/9\r\nHost: localhost\r\n\r\n",
                                       b"GET /healthz HTTP/1.1\r\n" + b"A: " + b"b" * 9000 + b"\r\n\r\n"))
        path, body = "/v1/chat/completions", self.chat()
        if kind in ("stream", "slow_reader", "vanish"):
            body["stream"] = True
        if kind == "predict":
            path = "/v1/predict"
            body = {"frame": self.random.choice(self.frames), "questions": list(QUESTIONS[:2]), "max_tokens": 8,
                    "drive": False}
        if kind in ("images", "broken_image"):
            image = self.image if kind == "images" else self.image[:1000]
            path, body = "/v1/predict", {"images": {"CAM_FRONT": image}, "questions": [QUESTIONS[0]], "drive": False,
                                         "max_tokens": 4}
        if kind == "unknown_frame":
            body["occvla"] = {"frame": "../../etc/passwd"}
        if kind == "unknown_field":
            body["top_k"] = 1
        text = json.dumps(body).encode()
        if kind == "broken_json":
            text = text[:self.random.randrange(1, len(text) - 1)]
        if kind == "oversized":
            text = b" " * (40 << 20)
        return (f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(text)}\r\n\r\n").encode() + text


async def read_reply(reader, pause=0.0):
    """(status, body, seconds to stay away)"""
    status = int((await reader.readline()).split()[1])
    length, chunked, away = 0, False, 0
    while (line := (await reader.readline()).strip()):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
        if name.lower() == b"retry-after":
            away = int(value)
        chunked = chunked or name.lower() == b"transfer-encoding"
    if not chunked:
        return status, await reader.readexactly(length), away
    body = b""
    while (size := int(await reader.readline(), 16)):
        body += await reader.readexactly(size)
        await reader.readline()
        await asyncio.sleep(pause)
    await reader.readline()
    return status, body, away


class Load:
    def __init__(self, port, mix, requests):
        self.port, self.mix, self.left = port, mix, requests
        self.counts, self.times = collections.Counter(), collections.defaultdict(list)
        self.lost, self.broken, self.server_up = [], 0, asyncio.Event()
        self.server_up.set()

    async def once(self, kind):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 20)
        try:
            began = time.monotonic()
            writer.write(self.mix.request(kind))
            if kind == "vanish_early":
                return self.counts.update([(kind, "left")])
            try:
                await writer.drain()
            except ConnectionError:
                pass  # Refused while it was being sent: the reply is there.
            if kind == "vanish":
                await asyncio.sleep(self.mix.random.random() * 0.2)
                return self.counts.update([(kind, "left")])
            status, body, away = await asyncio.wait_for(read_reply(reader, 0.02 if kind == "slow_reader" else 0), 180)
            self.counts.update([(kind, status)])
            whole = status != 200 or kind not in ("stream", "slow_reader") or body.endswith(b"data: [DONE]\n\n")
            if status not in STATED[kind] or not whole:
                self.lost.append((kind, status, body[-200:]))
            elif status == 200:
                self.times[kind].append(time.monotonic() - began)
            await asyncio.sleep(min(away, 2))
        finally:
            writer.close()

    async def client(self):
        while self.left > 0:
            self.left -= 1
            kind = self.mix.kind()
            await self.server_up.wait()
            try:
                await self.once(kind)
            except (ConnectionError, asyncio.IncompleteReadError, IndexError, OSError) as error:
                self.broken += 1
                if kind not in ("vanish", "vanish_early", "oversized"):
                    self.lost.append((kind, "broken connection", repr(error)))
            except asyncio.TimeoutError:
                self.lost.append((kind, "no reply in 180 s", ""))


def start(program, port=0):
    process = subprocess.Popen([program, "serve", "--checkpoint", "models/nano", "--dataroot", WORLD, "--version",
                                "v1.0-synth", "--port", str(port)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    address = process.stdout.readline().strip()
    return process, int(address.rsplit(":", 1)[1])


def resident_mib(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1)) / 1024


def quantile(values, q):
    return sorted(values)[min(len(values) - 1, int(q * len(values)))]


async def watch(process, memory, interval=5):
    while process.poll() is None:
        memory.append(resident_mib(process.pid))
        await asyncio.sleep(interval)


async def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--requests", type=int, default=10000)
    parser.add_argument("--kill", action="store_true")
    arguments = parser.parse_args()
    process, port = start(arguments.program)
    load = Load(port, Mix(7), arguments.requests)
    memory, began = [], time.monotonic()
    watching = asyncio.create_task(watch(process, memory))
    clients = [asyncio.create_task(load.client()) for _ in range(arguments.clients)]
    if arguments.kill:
        while load.left > arguments.requests // 2:
            await asyncio.sleep(0.05)
        load.server_up.clear()
        process.kill()
        process.wait()
        await asyncio.sleep(0.5)
        cut, load.lost = len(load.lost), [one for one in load.lost if one[1] != "broken connection"]
        process, _ = start(arguments.program, port)
        print(f"killed; {cut} connections broke; another server has the port")
        watching = asyncio.create_task(watch(process, memory))
        load.server_up.set()
    await asyncio.gather(*clients)
    seconds = time.monotonic() - began
    print(f"{arguments.requests} requests of {arguments.clients} clients in {seconds:.1f} s, "
          f"{arguments.requests / seconds:.1f} a second")
    for (kind, status), count in sorted(load.counts.items(), key=str):
        print(f"  {kind:14} {status!s:5} {count:6}")
    for kind, times in sorted(load.times.items()):
        print(f"  {kind:14} p50 {quantile(times, 0.5) * 1000:8.1f} ms   p99 {quantile(times, 0.99) * 1000:8.1f} ms")
    every = [t for times in load.times.values() for t in times]
    print(f"  all answered   p50 {quantile(every, 0.5) * 1000:8.1f} ms   p99 {quantile(every, 0.99) * 1000:8.1f} ms")
    print("memory MiB: " + " ".join(f"{m:.0f}" for m in memory[::max(1, len(memory) // 12)]))
    process.terminate()
    code = process.wait(timeout=30)
    print(f"exit code {code}; {load.broken} connections broke; {len(load.lost)} requests lost")
    for one in load.lost[:20]:
        print("  lost:", *one)
    watching.cancel()
    return 1 if load.lost or code != 0 else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
