"""Provides an auth service in the test's own process, behind httpx's mock transport, and a clock set by the test."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import orjson
from attrs import Factory, define, field

from chatcore.ports import Clock


class HandSetClock(Clock):
    """Stands still until the test moves it; unlike FrozenClock, its wall clock can be set alone."""

    def __init__(self) -> None:
        self.instant = datetime(2026, 11, 22, 12, tzinfo=UTC)
        self.seconds = 1000.0

    def now(self) -> datetime:
        return self.instant

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        self.seconds += seconds
        self.instant += timedelta(seconds=seconds)


def vouching_for(user_id: str, **claims: object) -> httpx.Response:
    """Builds the reply of an auth service that accepts the token."""
    return httpx.Response(200, json={"valid": True, "user": {"id": user_id}, "claims": claims})


def rejecting() -> httpx.Response:
    """Builds the reply of an auth service that rejects the token."""
    return httpx.Response(401, json={"valid": False, "reason": "no such token"})


@define
class ScriptedAuthService:
    """Answers with a function of the token, once `may_answer` is set; records the requests."""

    answer: Callable[[str], httpx.Response] = field(default=lambda token: vouching_for(f"user of {token}"))
    asked: list[str] = Factory(list)
    requests: list[httpx.Request] = Factory(list)
    #: While this is cleared, no request is answered.
    may_answer: asyncio.Event = Factory(asyncio.Event)
    most_at_once: int = 0
    _question: asyncio.Condition = Factory(asyncio.Condition)
    _at_once: int = 0

    def __attrs_post_init__(self) -> None:
        self.may_answer.set()

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._handle)

    async def until_asked(self, times: int) -> None:
        """Waits until that many requests have arrived."""
        async with asyncio.timeout(5), self._question:
            await self._question.wait_for(lambda: len(self.asked) >= times)

    async def until_answered(self, token: str) -> None:
        """Waits before the answer to `token`; a subclass may wait for ever."""

    async def _note(self, token: str) -> None:
        async with self._question:
            self.asked.append(token)
            self._question.notify_all()

    async def _handle(self, request: httpx.Request) -> httpx.Response:
        token = orjson.loads(request.content)["token"]
        self.requests.append(request)
        await self._note(token)
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            async with asyncio.timeout(request.extensions["timeout"]["read"]):
                await self.may_answer.wait()
                await self.until_answered(token)
        except TimeoutError as error:
            raise httpx.ReadTimeout("no answer", request=request) from error
        finally:
            self._at_once -= 1
        return self.answer(token)
