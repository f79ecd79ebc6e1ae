"""The docs page, drawn by a real browser."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, Error, expect

from chatcore.input_limits import InputLimits
from chatcore_service.api.all_endpoints import openapi_document
from tests.browser.docs_page import DocsPage, open_docs_page, route_of
from tests.integration.entrypoints.chatcore_service.http_server import ALICE, LiveService
from tests.integration.faults.waiting import eventually

METHODS = {"get", "put", "post", "patch", "delete"}

#: The summary of each operation by its route, in the order of the document.
SUMMARIES: dict[str, str] = {
    route_of(method, path): operation["summary"]
    for path, item in openapi_document(InputLimits())["paths"].items()
    for method, operation in item.items()
    if method in METHODS
}
SEND_MESSAGE = route_of("post", "/api/conversations/{conversation_id}/messages")


async def test_the_page_lists_every_operation(docs: DocsPage) -> None:
    await docs.load()

    await expect(docs.operation_links).to_have_text(list(SUMMARIES.values()))


async def test_every_operation_opens_without_an_error_or_a_foreign_request(docs: DocsPage) -> None:
    await docs.load()

    for route, summary in SUMMARIES.items():
        await docs.open_operation(route, summary)

    assert docs.foreign_urls == []
    assert docs.errors == []


async def test_a_deep_link_opens_its_operation(docs: DocsPage) -> None:
    await docs.load(SEND_MESSAGE)

    await expect(docs.operation).to_have_id(SEND_MESSAGE)
    await expect(docs.operation).to_be_visible()


async def test_a_request_reaches_the_service_and_its_response_is_shown(docs: DocsPage, service: LiveService) -> None:
    conversation = await service.conversation()
    await docs.load_with_token("token-of-alice")
    await docs.open_operation(SEND_MESSAGE, SUMMARIES[SEND_MESSAGE])

    await docs.execute(body='{"content": "Good morning"}', conversation_id=conversation.rpartition("/")[2])

    await expect(docs.operation).to_contain_text("Response Status: OK (200)")
    await expect(docs.operation.get_by_label("RESPONSE", exact=True)).to_contain_text('data: {"token": "Hello"}')
    stored = (await service.client.get(conversation, headers=ALICE)).json()
    assert [message["content"] for message in stored["messages"]] == ["Good morning", "Hello"]
    assert docs.foreign_urls == []
    assert docs.errors == []


async def test_a_token_is_kept_in_no_storage(docs: DocsPage) -> None:
    await docs.load_with_token("token-of-alice")

    stored = await docs.page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie])")
    assert "token-of-alice" not in stored


async def test_the_policy_stops_a_request_to_another_host(docs: DocsPage) -> None:
    await docs.load()

    with pytest.raises(Error, match="Failed to fetch"):
        await docs.page.evaluate("fetch('http://elsewhere.invalid/')")

    violation = "policy violation: connect-src http://elsewhere.invalid/"
    await eventually(lambda: violation in docs.errors, within=10, what="the violation is reported")
    assert docs.foreign_urls == []


@pytest.mark.parametrize(
    ("route", "sign"),
    [("", [*SUMMARIES.values()][-1]), (SEND_MESSAGE, "REQUEST BODY")],
    ids=["overview", "operation"],
)
async def test_nothing_is_cut_off_on_a_narrow_screen(
    browser: Browser, service: LiveService, route: str, sign: str
) -> None:
    async with open_docs_page(browser, service, width=360) as docs:
        await docs.load(route)
        await expect(docs.page.get_by_text(sign)).to_be_visible()

        # The renderer hides what is wider than its column, so the width of the document would say nothing.
        widths = await docs.page.locator("main").evaluate("(main) => [main.clientWidth, main.scrollWidth]")
        assert widths == [360, 360]
