"""Runs schemathesis as a developer does, in a process of its own."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import Factory, frozen

#: For the hooks, in JSON: texts that no response may hold, and an example for each parameter of that name.
FOREIGN_TEXTS = "CHATCORE_FUZZ_FOREIGN_TEXTS"
EXAMPLES = "CHATCORE_FUZZ_EXAMPLES"
#: For how many seconds each run goes on; by default it ends after a number of requests.
SECONDS = "CHATCORE_FUZZ_SECONDS"
#: Where the random numbers begin: the same each time, unless the length is given. A test that fails prints it.
SEED = "CHATCORE_FUZZ_SEED"

_HERE = Path(__file__).parent
_ROOT = _HERE.parents[2]
_IDENTITIES = _HERE / "identities.json"
_DEFAULT_SEED = "20261122"
# A run that hangs is ended; one on a busy machine is not.
_PATIENCE_SECONDS = 600


@frozen
class Outcome:
    """How a run ended."""

    status: int
    output: str

    def require_success(self) -> None:
        """Fails with all that schemathesis said, unless it found nothing."""
        print(self.output)  # noqa: T201 - pytest shows it for a test that failed
        assert self.status == 0


@frozen(kw_only=True)
class SchemathesisRun:
    """Who calls, with what, and how often."""

    #: Users that must not see each other's things, in turn; without any, nobody shows a token.
    peers: Sequence[str] = ()
    #: Always this one.
    user: str | None = None
    #: Ids that are tried where a path takes one, by the parameter's name.
    ids: Mapping[str, Sequence[str]] = Factory(dict)
    #: Values that lead to something, by the parameter's name: each operation is tried with them at least once.
    parameters: Mapping[str, str] = Factory(dict)
    #: What no response may hold.
    foreign_texts: Sequence[str] = ()
    phases: Sequence[str] = ("examples", "coverage", "fuzzing", "stateful")
    #: Requests for each operation in the random phases, about.
    examples: int

    async def against(self, base_url: str, folder: Path) -> Outcome:
        """Runs schemathesis against a service; `folder` is for its configuration."""
        configuration = folder / "schemathesis.toml"
        configuration.write_text(self._configuration())
        process = await asyncio.create_subprocess_exec(
            *(str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(configuration)),
            *("run", f"{base_url}/openapi.json", "--checks", "all", "--no-color", "--output-sanitize", "false"),
            *("--phases", ",".join(self.phases), "--max-examples", str(self.examples)),
            *_bounds(),
            cwd=_ROOT,
            env={**os.environ, **self._for_the_hooks()},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS + 2 * int(os.environ.get(SECONDS, "0"))):
                output, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
        assert process.returncode is not None
        return Outcome(process.returncode, output.decode(errors="replace"))

    def _for_the_hooks(self) -> dict[str, str]:
        return {
            FOREIGN_TEXTS: json.dumps(list(self.foreign_texts)),
            EXAMPLES: json.dumps(dict(self.parameters)),
        }

    def _configuration(self) -> str:
        lines = [(_HERE / "schemathesis.toml").read_text()]
        if self.peers or self.user:
            lines += ["[auth.wfc]", f"path = {json.dumps(str(_IDENTITIES))}"]
            lines += [f"peers = {json.dumps(list(self.peers))}"] if self.peers else []
            lines += [f"user = {json.dumps(self.user)}"] if self.user else []
        lines += [f"[dictionaries.{name}]\nvalues = {json.dumps(list(values))}" for name, values in self.ids.items()]
        lines += ["[parameters]"] if self.ids else []
        lines += [f'"path.{name}" = {{ dictionary = "{name}", probability = 0.6 }}' for name in self.ids]
        return "\n".join(lines)


def _bounds() -> list[str]:
    seconds = os.environ.get(SECONDS)
    # A run of given length is there to find something new.
    seed = os.environ.get(SEED, None if seconds else _DEFAULT_SEED)
    return [*(("--seed", seed) if seed else ()), *(("--max-time", seconds) if seconds else ())]
