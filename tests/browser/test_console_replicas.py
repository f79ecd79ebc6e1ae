"""The built-in page before two replicas of the service, which are killed, restarted and cut off."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
import pytest_asyncio
from attrs import frozen
from playwright.async_api import Browser, expect

from tests.browser.console_page import ConsoleTab
from tests.browser.typing_speed import MOST_MILLISECONDS_OF_A_FRAME, milliseconds_of_a_frame
from tests.browser.watched_tab import open_tab
from tests.integration.embedded_postgres import EmbeddedPostgres
from tests.integration.faults.client import Client
from tests.integration.faults.cluster import Cluster
from tests.integration.faults.fresh_database import fresh_database
from tests.integration.faults.model import Saying, Speech
from tests.integration.faults.tcp_proxy import TcpProxy
from tests.integration.faults.waiting import eventually

#: A model that can go on from its own text, and replicas that end soon when they are told to.
SETTINGS = {"INFERENCE_CAN_CONTINUE": "true", "DRAIN_SECONDS": "1"}
WORDS = tuple(f"word{number} 😀 " for number in range(40))
BEGINNING, WHOLE = "".join(WORDS[:20]).strip(), "".join(WORDS).strip()
# What two replicas and a database take on a loaded machine to notice a loss and to make up for it.
_LONG_MILLISECONDS = 60_000

_TWO_THOUSAND = """
insert into messages (user_id, id, conversation_id, parent_id, position, role, content, status, created_at)
select %(user)s, md5('m' || p)::uuid, %(conversation)s, case when p > 1 then md5('m' || p - 1)::uuid end, p,
    case p %% 2 when 1 then 'user' else 'assistant' end, 'Message ' || p, 'complete', now()
from generate_series(1, 2000) as p
"""
_LAST_OF_THEM = """
update conversations set head_id = md5('m2000')::uuid, next_position = 2001
where user_id = %(user)s and id = %(conversation)s
"""

#: Counts how often the text of the reply became shorter, which readers would see as a jump.
_WATCH = """(() => {
  window.shrunk = 0;
  let longest = 0;
  new MutationObserver(() => {
    const length = document.querySelector("markdown-text")?.textContent.length ?? 0;
    if (length < longest) window.shrunk += 1;
    longest = length;
  }).observe(document.body, { childList: true, subtree: true, characterData: true });
})()"""


@frozen
class Balanced:
    """Two replicas, and the page of a user behind a load balancer that sends everything to one of them."""

    cluster: Cluster
    balancer: TcpProxy
    console: ConsoleTab
    user: Client

    def direct_to(self, number: int) -> None:
        """Sends new connections to a replica, and breaks those that stand."""
        self.balancer.service_port = self.cluster.replicas[number].port
        self.balancer.reset_all()

    async def begin(self) -> tuple[str, Saying]:
        """Has a message answered up to the middle of the reply, and what there is stored.

        Returns the message and the call of the model.
        """
        prompt = f"Tell me about {uuid4().hex[:8]}"
        self.cluster.model.arrange(prompt, Speech(tokens=WORDS, holds_after=20, holds_again_after=30))
        await self.console.send(prompt)
        saying = await self.cluster.model.holding(prompt)
        await expect(self.console.texts).to_have_text([BEGINNING])
        await eventually(self._beginning_is_stored, within=20, what="the beginning is stored")
        return prompt, saying

    async def _beginning_is_stored(self) -> bool:
        url = self.cluster.urls[1]
        conversation = (await self.user.call("GET", "?limit=1", on=url)).json()["items"][0]["id"]
        return str((await self.user.open(conversation, on=url))[-1]["content"]).strip() == BEGINNING

    async def require_whole(self) -> None:
        """Waits for the whole reply, which must be the only one and have no problem."""
        await expect(self.console.texts).to_have_text([WHOLE], timeout=_LONG_MILLISECONDS)
        await expect(self.console.log).to_have_attribute("aria-busy", "false", timeout=_LONG_MILLISECONDS)
        await expect(self.console.waiting_note).to_have_count(0)
        await expect(self.console.page.get_by_role("alert")).to_have_count(0)
        await expect(self.console.replies.locator(".reply-error")).to_have_count(0)
        await expect(self.console.asked).to_have_count(1)


@pytest.fixture(scope="module")
def database() -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres() as server:
        yield server


@pytest_asyncio.fixture(loop_scope="session")
async def balanced(whole_browser: Browser, database: EmbeddedPostgres, tmp_path: Path) -> AsyncIterator[Balanced]:
    async with (
        Cluster(await fresh_database(database), tmp_path, settings=SETTINGS) as cluster,
        _balanced(whole_browser, cluster) as balanced,
    ):
        yield balanced


@asynccontextmanager
async def _balanced(browser: Browser, cluster: Cluster) -> AsyncIterator[Balanced]:
    async with (
        TcpProxy("127.0.0.1", cluster.replicas[0].port) as balancer,
        open_tab(browser, balancer.base_url) as tab,
    ):
        user = cluster.user("alice")
        balanced = Balanced(cluster, balancer, ConsoleTab(tab), user)
        await balanced.console.sign_in(user.token)
        yield balanced
        assert (tab.foreign_urls, tab.errors) == ([], [])


async def test_when_a_replica_is_killed_the_text_goes_on_where_it_was(balanced: Balanced) -> None:
    prompt, _ = await balanced.begin()
    await balanced.console.page.evaluate(_WATCH)

    balanced.cluster.replicas[0].kill()
    await expect(balanced.console.waiting_note).to_be_visible()
    await expect(balanced.console.texts).to_have_text([BEGINNING])
    balanced.direct_to(1)
    await balanced.cluster.let_leases_run_out()
    await balanced.cluster.model.holding(prompt, 1)
    await expect(balanced.console.texts).to_have_text(["".join(WORDS[:30]).strip()], timeout=_LONG_MILLISECONDS)
    await expect(balanced.console.waiting_note).to_have_count(0)
    balanced.cluster.model.release_all()

    await balanced.require_whole()
    assert await balanced.console.page.evaluate("window.shrunk") == 0
    await balanced.console.page.reload()
    await balanced.require_whole()


async def test_when_a_replica_is_restarted_the_reader_is_moved_to_the_other_one(balanced: Balanced) -> None:
    prompt, _ = await balanced.begin()
    await balanced.console.page.evaluate(_WATCH)

    balanced.balancer.service_port = balanced.cluster.replicas[1].port
    await balanced.cluster.replicas[0].stop()
    await balanced.cluster.model.holding(prompt, 1)
    balanced.cluster.model.release_all()

    await balanced.require_whole()
    assert await balanced.console.page.evaluate("window.shrunk") == 0


async def test_after_a_reload_in_mid_reply_another_replica_shows_what_was_there_and_what_comes(
    balanced: Balanced,
) -> None:
    _, saying = await balanced.begin()

    balanced.direct_to(1)
    await balanced.console.page.reload()
    await expect(balanced.console.texts).to_have_text([BEGINNING])
    saying.release()

    await balanced.require_whole()


async def test_offline_nothing_is_lost_and_online_everything_goes_on(balanced: Balanced) -> None:
    _, saying = await balanced.begin()

    await balanced.console.page.context.set_offline(True)
    balanced.direct_to(1)
    await expect(balanced.console.waiting_note).to_be_visible()
    await balanced.console.field.fill("A thought")
    saying.release()
    await expect(balanced.console.texts).to_have_text([BEGINNING])
    await balanced.console.page.context.set_offline(False)

    await balanced.require_whole()
    await expect(balanced.console.field).to_have_value("A thought")


async def test_a_message_that_is_sent_while_no_replica_answers_is_answered_once(balanced: Balanced) -> None:
    balanced.balancer.refuses = True
    balanced.balancer.reset_all()
    await balanced.console.send("Is anybody there?")
    await expect(balanced.console.waiting_note).to_be_visible()
    await expect(balanced.console.asked).to_contain_text(["Sending …"])
    balanced.direct_to(1)
    balanced.balancer.heal()

    await expect(balanced.console.log).to_have_attribute("aria-busy", "false")
    await expect(balanced.console.replies).to_have_count(1)
    await expect(balanced.console.asked).to_have_text(["Is anybody there?"])
    assert len(balanced.cluster.model.calls("Is anybody there?")) == 1


async def test_two_tabs_on_two_replicas_show_the_same(balanced: Balanced, whole_browser: Browser) -> None:
    _, saying = await balanced.begin()
    async with _balanced(whole_browser, balanced.cluster) as other:
        other.direct_to(1)
        await other.console.titles.first.click()
        await expect(other.console.texts).to_have_text([BEGINNING])
        saying.release()

        await other.require_whole()
        await balanced.require_whole()


async def test_one_can_type_below_two_thousand_messages(balanced: Balanced) -> None:
    conversation = await balanced.user.create(on=balanced.cluster.urls[0])
    async with await psycopg.AsyncConnection.connect(balanced.cluster.database_url, autocommit=True) as connection:
        await connection.execute(_TWO_THOUSAND, {"user": balanced.user.user_id, "conversation": conversation})
        await connection.execute(_LAST_OF_THEM, {"user": balanced.user.user_id, "conversation": conversation})
    await balanced.console.load(f"#/c/{conversation}")
    await expect(balanced.console.texts.last).to_have_text("Message 2000")

    older = balanced.console.button("Show older ones")
    while await older.count():
        count = await balanced.console.asked.count()
        await older.dispatch_event("click")
        await balanced.console.page.wait_for_function(
            "(count) => document.querySelectorAll('[role=log] article.user').length > count", arg=count
        )

    await expect(balanced.console.log.get_by_role("article")).to_have_count(2000)
    await expect(balanced.console.asked.first).to_have_text("Message 1")
    assert await milliseconds_of_a_frame(balanced.console, "How long?" * 5) < MOST_MILLISECONDS_OF_A_FRAME
