"""The built-in page: the model and the instructions of a conversation, and how replies are sampled."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from playwright.async_api import Locator, expect

from chatcore import Sampling, User
from chatcore.errors import CannotSwapError, InferenceUnreachableError
from chatcore.ports import ModelsDocument
from chatcore_memory import DONE_FRAME, StaticAuth, token_frame
from tests.browser.console_page import ConsolePage
from tests.integration.entrypoints.chatcore_service.http_server import PAUSED, SETTINGS, LiveService

MODELS = ModelsDocument(
    content=b'{"current_model":"small","models":[{"model_tag":"small","loaded":true},{"model_tag":"large","loaded":false}]}'
)
MODELS_OF_OPENAI = ModelsDocument(content=b'{"object":"list","data":[{"id":"mini"},{"id":"maxi"}]}')


@pytest.fixture
def settings(console: ConsolePage, service: LiveService) -> Locator:
    """Provides the dialog, on a service with two models."""
    service.inference.models = MODELS
    return console.page.get_by_role("dialog", name="Settings")


async def begin(console: ConsolePage) -> None:
    """Begins a conversation and opens its settings."""
    await console.send("Hello")
    await expect(console.texts).to_have_text(["Hello"])
    await console.button("Settings").click()


async def save(settings: Locator) -> None:
    """Saves the settings."""
    await settings.get_by_role("button", name="Save").click()
    await expect(settings).to_have_count(0)


async def test_a_conversation_gets_a_model_and_instructions(console: ConsolePage, settings: Locator) -> None:
    await begin(console)
    model = settings.get_by_label("Model")
    await expect(model.get_by_role("option")).to_have_text(["Default", "small (loaded)", "large"])
    await expect(model).to_have_value("default")
    await model.select_option("large")
    await settings.get_by_label("Instructions").fill("Answer in <b>rhymes</b> 😀")
    await save(settings)

    stored = await console.conversation()
    assert (stored["model_tag"], stored["instructions"]) == ("large", "Answer in <b>rhymes</b> 😀")
    await console.page.reload()
    await expect(console.texts).to_have_text(["Hello"])
    await console.button("Settings").click()
    await expect(model).to_have_value("large")
    await expect(settings.get_by_label("Instructions")).to_have_value("Answer in <b>rhymes</b> 😀")
    await settings.get_by_label("Instructions").fill("")
    await save(settings)
    assert (await console.conversation())["instructions"] is None


async def test_a_new_conversation_begins_with_its_settings_and_keeps_the_draft(
    console: ConsolePage, settings: Locator, service: LiveService
) -> None:
    await console.field.fill("A thought")
    await console.button("Settings").click()
    await settings.get_by_label("Instructions").fill("Be brief.")
    await save(settings)

    await expect(console.titles).to_have_text(["New conversation"])
    await expect(console.field).to_have_value("A thought")
    await console.field.press("Enter")
    await expect(console.texts).to_have_text(["Hello"])
    assert (await console.conversation())["instructions"] == "Be brief."
    assert "Be brief." in str(service.inference.calls[0].request)


async def test_the_models_of_the_other_protocol_are_offered(
    console: ConsolePage, settings: Locator, service: LiveService
) -> None:
    service.inference.models = MODELS_OF_OPENAI
    await begin(console)

    await expect(settings.get_by_role("option")).to_have_text(["Default", "mini", "maxi"])
    await settings.get_by_label("Model").select_option("maxi")
    await expect(settings.get_by_role("button", name="Load it")).to_have_count(0)


async def test_what_is_refused_is_said_and_can_be_changed(
    console: ConsolePage, settings: Locator, service: LiveService
) -> None:
    service.inference.offered = frozenset({"small"})
    await begin(console)
    await settings.get_by_label("Model").select_option("large")
    await settings.get_by_role("button", name="Save").click()

    await expect(settings.get_by_role("alert")).to_be_visible()
    await settings.get_by_label("Model").select_option("small")
    await save(settings)
    assert (await console.conversation())["model_tag"] == "small"


async def test_instructions_that_are_too_long_are_refused_and_not_cut(console: ConsolePage, settings: Locator) -> None:
    await begin(console)
    await settings.get_by_label("Instructions").fill("x" * 8001)
    await settings.get_by_role("button", name="Save").click()

    await expect(settings.get_by_role("alert")).to_contain_text("8000 characters")
    await settings.get_by_label("Instructions").fill("x" * 8000)
    await save(settings)
    assert (await console.conversation())["instructions"] == "x" * 8000


async def test_without_a_list_of_models_the_instructions_can_be_changed(
    console: ConsolePage, settings: Locator, service: LiveService
) -> None:
    service.inference.models = InferenceUnreachableError()
    await begin(console)
    await expect(settings.get_by_role("alert")).to_be_visible()

    await settings.get_by_label("Instructions").fill("Be brief.")
    await save(settings)

    assert (await console.conversation())["instructions"] == "Be brief."


# -- Loading another model -------------------------------------------------------------------------------------------


async def test_an_administrator_loads_another_model(
    console: ConsolePage, settings: Locator, service: LiveService
) -> None:
    accept_as_administrator(service.auth)
    await begin(console)
    await settings.get_by_label("Model").select_option("large")
    await settings.get_by_role("button", name="Load it").click()

    await expect(settings.get_by_text("large is being loaded.")).to_be_visible()
    assert service.inference.swapped == ["large"]


async def test_who_is_no_administrator_is_told_so(console: ConsolePage, settings: Locator) -> None:
    await begin(console)
    await settings.get_by_label("Model").select_option("large")
    await settings.get_by_role("button", name="Load it").click()

    await expect(settings.get_by_role("alert")).to_have_text("Only an administrator can load another model.")


async def test_a_service_that_cannot_load_models_says_so(
    console: ConsolePage, settings: Locator, service: LiveService
) -> None:
    accept_as_administrator(service.auth)
    refusal = {"code": CannotSwapError.code, "detail": CannotSwapError.sentence}
    await console.page.route("**/api/models/swap", lambda route: route.fulfill(status=409, json=refusal))
    await begin(console)
    await settings.get_by_label("Model").select_option("large")
    await settings.get_by_role("button", name="Load it").click()

    await expect(settings.get_by_role("alert")).to_contain_text("This service cannot load another model from here.")


def accept_as_administrator(auth: StaticAuth) -> None:
    """Makes the reader an administrator."""
    auth.accept("token-of-alice", User(id="alice", is_admin=True, expires_at=datetime(9999, 1, 1, tzinfo=UTC)))


# -- The dialog ------------------------------------------------------------------------------------------------------


async def test_escape_closes_the_dialog_and_stops_no_reply(
    console: ConsolePage, settings: Locator, service: LiveService
) -> None:
    service.inference.play(*PAUSED)
    await console.send("Hello")
    await expect(console.texts).to_have_text(["Hel"])
    await console.button("Settings").click()
    await expect(settings).to_be_visible()

    await console.page.keyboard.press("Escape")
    await expect(settings).to_have_count(0)
    await expect(console.button("Settings")).to_be_focused()
    service.inference.release()

    await expect(console.texts).to_have_text(["Hello"])
    assert await console.stored() == [("Hello", "complete"), ("Hello", "complete")]


async def test_a_number_out_of_its_range_is_not_saved(console: ConsolePage, settings: Locator) -> None:
    await console.button("Settings").click()
    await settings.get_by_label("Temperature").fill("3")
    await settings.get_by_role("button", name="Save").click()

    await expect(settings.locator("input:invalid")).to_have_count(1)
    await settings.get_by_label("Temperature").fill("0.5")
    await save(settings)
    await console.button("Settings").click()
    await expect(settings.get_by_label("Temperature")).to_have_value("0.5")


# -- Sampling --------------------------------------------------------------------------------------------------------


async def test_the_numbers_apply_to_all_that_is_asked_of_a_model_and_survive_a_visit(
    console: ConsolePage, settings: Locator, service: LiveService
) -> None:
    await console.button("Settings").click()
    await settings.get_by_label("Temperature").fill("0.25")
    await settings.get_by_label("Longest reply").fill("77")
    await settings.get_by_label("Top-k").fill("0")
    await save(settings)
    service.inference.play(*PAUSED)
    await console.send("Hello")
    await expect(console.texts).to_have_text(["Hel"])
    await console.button("Stop").click()
    service.inference.play(token_frame("lo"), DONE_FRAME)
    await console.button("Continue").click()
    await expect(console.texts).to_have_text(["Hello"])

    # Another tab has the same numbers.
    other = await console.another_tab()
    await other.load()
    await other.titles.click()
    await other.button("Try again").click()
    await expect(other.texts).to_have_text(["lo"])

    samplings = [call.request.sampling for call in service.inference.calls]
    assert samplings == [Sampling(temperature=0.25, max_tokens=77, top_k=0)] * 3


async def test_without_numbers_the_service_decides(
    console: ConsolePage, settings: Locator, service: LiveService
) -> None:
    await console.button("Settings").click()
    await settings.get_by_label("Temperature").fill("0.25")
    await save(settings)
    await console.button("Settings").click()
    await settings.get_by_label("Temperature").fill("")
    await save(settings)

    await console.send("Hello")
    await expect(console.texts).to_have_text(["Hello"])

    assert service.inference.calls[0].request.sampling == SETTINGS.sampling
