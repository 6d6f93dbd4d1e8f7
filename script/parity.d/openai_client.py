"""The official openai client against `occvla serve` with the model nano.

usage: openai_client.py WORKDIR PROGRAM PYTHON
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import check  # noqa: E402

if __name__ == "__main__":
    WORKDIR, PROGRAM, _ = check.arguments("openai_client")

import asyncio  # noqa: E402
import time  # noqa: E402

import openai  # noqa: E402
import server as serving  # noqa: E402

TOKEN = "0123456789abcdef-parity"
QUESTION = "Predict the next meta action."


def ask(client, frame, question=QUESTION, **more):
    extra = more.pop("extra_body", {"occvla": {"frame": frame}})
    return client.chat.completions.create(model="nano", messages=[{"role": "user", "content": question}],
                                          extra_body=extra, **more)


def text_of(completion):
    return completion.choices[0].message.content


def six_images(images, named):
    parts = [{"type": "text", "text": QUESTION}]
    for camera, path in images.items():
        if named:
            parts.append({"type": "text", "text": camera + ":"})
        parts.append({"type": "image_url", "image_url": {"url": serving.data_url(path)}})
    return [{"role": "user", "content": parts}]


def plain(checks, client, frame):
    models = [model.id for model in client.models.list()]
    checks.report(models == ["nano"], "models.list", str(models))
    answer = ask(client, frame, max_tokens=48)
    checks.report(bool(text_of(answer)) and answer.usage.total_tokens ==
                  answer.usage.prompt_tokens + answer.usage.completion_tokens, "plain", repr(text_of(answer)))
    checks.report(text_of(ask(client, frame, max_tokens=48)) == text_of(answer), "greedy repeats", "")
    cut = ask(client, frame, max_completion_tokens=1)
    checks.report(cut.choices[0].finish_reason == "length" and cut.usage.completion_tokens == 1, "max tokens",
                  cut.choices[0].finish_reason)
    driving = ask(client, frame, "", max_tokens=256).model_extra["occvla"]
    checks.report(len(driving["trajectory"]["points"]) == 6 and bool(driving["meta_action"]), "driving question",
                  driving["meta_action"])
    return text_of(answer)


def streaming(checks, client, frame, text):
    chunks = list(ask(client, frame, max_tokens=48, stream=True, stream_options={"include_usage": True}))
    joined = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    reasons = [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason]
    checks.report(joined == text, "streamed pieces are the text", f"{len(chunks)} chunks")
    checks.report(len(reasons) == 1 and chunks[-1].usage.completion_tokens > 0, "usage in the last chunk", str(reasons))


def sampling(checks, client, frame, text):
    how = {"temperature": 1.5, "top_p": 0.95, "max_tokens": 24}
    first, again, other = (text_of(ask(client, frame, seed=seed, **how)) for seed in (7, 7, 8))
    checks.report(first == again, "the same seed, the same answer", repr(first))
    checks.report(first != other, "another seed, another answer", repr(other))
    stop = text.split()[1]
    stopped = ask(client, frame, max_tokens=48, stop=[stop, "never there"])
    want = text[:text.index(stop)]
    checks.report(text_of(stopped) == want and stopped.choices[0].finish_reason == "stop", "stop words",
                  f"{text_of(stopped)!r} before {stop!r}")


def images(checks, client, frame, files, text):
    for named in (True, False):
        answer = client.chat.completions.create(model="nano", messages=six_images(files, named), max_tokens=48)
        checks.report(text_of(answer) == text, f"six images{' with names' if named else ''} answer as the frame does",
                      repr(text_of(answer)))
    one = client.chat.completions.create(model="nano", max_tokens=8, messages=[{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": serving.data_url(files["CAM_FRONT"])}},
        {"type": "text", "text": QUESTION}]}])
    flags = one.model_extra["occvla"]["flags"]
    checks.report("camera_missing:CAM_BACK" in flags, "one image is told apart from six", ", ".join(flags))


def refusals(checks, client, frame, address):
    def error_of(kind, call):
        try:
            call()
        except kind as error:
            return error
        return None

    unknown = error_of(openai.NotFoundError, lambda: client.chat.completions.create(model="gpt", messages=[]))
    checks.report(unknown is not None and unknown.param == "model", "unknown model", str(unknown))
    bad = error_of(openai.BadRequestError, lambda: ask(client, frame, temperature=9))
    checks.report(bad is not None and bad.param == "temperature", "the field at fault", str(bad))
    field = error_of(openai.BadRequestError, lambda: ask(client, frame, extra_body={"typo": 1}))
    checks.report(field is not None and field.param == "typo", "an unknown field", str(field))
    remote = error_of(openai.BadRequestError, lambda: client.chat.completions.create(
        model="nano", messages=[{"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": "http://127.0.0.1:1/x.png"}}]}]))
    checks.report(remote is not None, "addresses are not fetched", str(remote))
    stranger = openai.OpenAI(base_url=address + "/v1", api_key="wrong", max_retries=0)
    checks.report(error_of(openai.AuthenticationError, stranger.models.list) is not None, "a wrong key", "401")


async def many(checks, address, frame):
    client = openai.AsyncOpenAI(base_url=address + "/v1", api_key=TOKEN, max_retries=4)
    began = time.monotonic()
    answers = await asyncio.gather(*(ask(client, frame, f"{QUESTION} {i % 3}", max_tokens=8) for i in range(24)))
    checks.report(len(answers) == 24, "24 at a time", f"{time.monotonic() - began:.1f} s")


def main():
    checks = check.Checks("openai")
    frame, files = sorted(serving.frames().items())[0]
    tokens = os.path.join(WORKDIR, "tokens")
    with open(tokens, "w", encoding="utf-8") as file:
        file.write(TOKEN + "\n")
    with serving.Server(PROGRAM, os.path.join(WORKDIR, "serve.log"), ["--tokens", tokens]) as server:
        client = openai.OpenAI(base_url=server.address + "/v1", api_key=TOKEN, max_retries=0, timeout=60)
        text = plain(checks, client, frame)
        streaming(checks, client, frame, text)
        sampling(checks, client, frame, text)
        images(checks, client, frame, files, text)
        refusals(checks, client, frame, server.address)
        asyncio.run(many(checks, server.address, frame))
        checks.report(server.stop() == 0, "ends by itself on SIGTERM", "exit code 0")
    return checks.summary()


if __name__ == "__main__":
    sys.exit(main())
