"""The schema fuzzer schemathesis against `occvla serve` and the OpenAPI document that it gives.

usage: serve_schema.py WORKDIR PROGRAM PYTHON
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import check  # noqa: E402

if __name__ == "__main__":
    WORKDIR, PROGRAM, _ = check.arguments("serve_schema")

import re  # noqa: E402
import subprocess  # noqa: E402
import urllib.request  # noqa: E402

import server as serving  # noqa: E402

CHECKS = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
          "negative_data_rejection")
EXAMPLES, SECONDS = 150, 240


def served(address, metric):
    with urllib.request.urlopen(address + "/metrics", timeout=20) as reply:
        text = reply.read().decode()
    return sum(float(line.split()[-1]) for line in text.splitlines() if re.match(metric, line))


def main():
    checks = check.Checks("schema")
    with serving.Server(PROGRAM, os.path.join(WORKDIR, "serve.log")) as server:
        command = [os.path.join(os.path.dirname(sys.executable), "schemathesis"), "--no-color", "run",
                   server.address + "/openapi.json", "--checks", ",".join(CHECKS), "--max-examples", str(EXAMPLES),
                   "--seed", "7", "--request-timeout", "30", "--workers", "4", "--phases", "examples,coverage,fuzzing",
                   "--continue-on-failure", "--generation-database", "none"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, cwd=WORKDIR, timeout=SECONDS)
            text, code = done.stdout + done.stderr, done.returncode
        except subprocess.TimeoutExpired as late:
            text, code = str(late.stdout), -1
        with open(os.path.join(WORKDIR, "schemathesis.txt"), "w", encoding="utf-8") as file:
            file.write(text)
        requests = served(server.address, "occvla_http_requests_total")
        faults = served(server.address, r'occvla_http_requests_total.*status="5')
        checks.report(code == 0, "schemathesis finds nothing", f"{requests:.0f} requests")
        if code != 0:
            print(text[-6000:])
        checks.report(faults == 0, "no 5xx", f"{faults:.0f}")
        checks.report(server.process.poll() is None and server.stop() == 0, "the server lived through it", "")
    return checks.summary()


if __name__ == "__main__":
    sys.exit(main())
