"""A worker that an exception ends reports it in the log alone."""

import json
import subprocess
import sys

#: A worker that cannot build its adapters.
PROGRAM = """
import multiprocessing, os, socket, sys
from chatcore_service.server.worker import work
from chatcore_service.settings import Settings

settings = Settings(internal_api_key="key", database_url="mysql://somebody:the-password@x/y")
with socket.create_server(("127.0.0.1", 0)) as listener:
    worker = multiprocessing.get_context("spawn").Process(target=work, args=(settings, listener, os.getpid()))
    worker.start()
    worker.join()
sys.exit(worker.exitcode)
"""


def test_an_exception_that_ends_a_worker_is_a_line_without_its_text() -> None:
    result = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=30, check=False)

    lines = [json.loads(line) for line in result.stdout.splitlines()]
    ends = [line for line in lines if line["message"] == "an exception ended the process"]
    assert result.returncode == 1
    assert [line["exception"][0]["type"] for line in ends] == ["InvalidSettingsError"]
    assert result.stderr == ""
