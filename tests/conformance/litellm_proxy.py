"""Runs the proxy of LiteLLM with replies that its configuration makes up."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from tests.integration.faults.waiting import eventually
from tests.integration.free_port import free_port

KEY = "sk-conformance"
REPLY = "Once upon a time a keeper found a letter: «é👩‍🚀»."

_PROGRAM = Path(__file__).parents[2] / ".venv-conformance" / "bin" / "litellm"
_MODEL = """
  - model_name: {name}
    litellm_params: {{model: openai/{name}, api_key: none, mock_response: "{response}"}}"""
_RESPONSES = {
    "tale": REPLY,
    "limited": "litellm.RateLimitError",
    "long": "litellm.ContextWindowExceededError",
    "broken": "litellm.InternalServerError",
}
_SECONDS_TO_START = 60


@asynccontextmanager
async def running_litellm(folder: Path) -> AsyncIterator[str]:
    """Runs the proxy for the duration of the block; yields the base URL of its API."""
    port, config = free_port(), folder / "litellm.yaml"
    models = "".join(_MODEL.format(name=name, response=response) for name, response in _RESPONSES.items())
    general = f"router_settings: {{num_retries: 0}}\ngeneral_settings: {{master_key: {KEY}}}\n"
    config.write_text(f"model_list:{models}\n{general}")
    # Its list of prices comes from the network otherwise.
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    address = ("--host", "127.0.0.1", "--port", str(port))
    command = [str(_PROGRAM), "--config", str(config), *address, "--telemetry", "False"]
    with (folder / "litellm.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=subprocess.STDOUT)  # noqa: ASYNC220 - starting takes no time
    try:
        url = f"http://127.0.0.1:{port}"
        await eventually(lambda: _is_live(process, url), within=_SECONDS_TO_START, what="LiteLLM serves")
        yield f"{url}/v1"
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait, 20)


async def _is_live(process: "subprocess.Popen[bytes]", url: str) -> bool:
    assert process.poll() is None, "LiteLLM has ended; see its log"
    async with httpx.AsyncClient(trust_env=False) as client:
        try:
            return (await client.get(f"{url}/health/liveliness")).is_success
        except httpx.TransportError:
            return False
