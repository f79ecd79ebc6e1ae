"""Tests the contract of the models port."""

import pytest

from chatcore.errors import InferenceTimeoutError, InferenceUnreachableError, ModelsRefusedError
from chatcore.ports import Models, ModelsDocument
from chatcore.testing.models.script import ModelsScript, SeenModels, SeenSwap
from chatcore.testing.samples import AWKWARD_TEXT

#: A document that is neither JSON nor UTF-8, so that an adapter that parses the document fails.
_CONTENT = b' {"models": [] , "raw":"\xff"} \n'


@pytest.mark.asyncio
class ModelsContract:
    """Tests the promises of every models adapter.

    A subclass has two fixtures: `models`, the adapter, with timeouts of about a second (the tests of silence wait for
    them); and `models_service`, the :class:`~chatcore.testing.ModelsScript` to which the adapter sends its requests.
    """

    async def test_documents_are_passed_on_unread(self, models: Models, models_service: ModelsScript) -> None:
        document = ModelsDocument(content=_CONTENT, media_type="application/vnd.models+json; v=2", status=202)
        models_service.answer_with(document)

        assert await models.list_models() == document
        assert await models.swap_model("eliza") == document

    async def test_refusals_are_told_with_the_services_document(
        self, models: Models, models_service: ModelsScript
    ) -> None:
        models_service.refuse_with(ModelsDocument(content=_CONTENT, media_type="text/plain", status=409))

        for asking in (models.list_models(), models.swap_model("eliza")):
            with pytest.raises(ModelsRefusedError) as refused:
                await asking
            told = refused.value
            assert (told.content, told.media_type, told.status) == (_CONTENT, "text/plain", 409)

    async def test_requests_arrive_as_they_were_made(self, models: Models, models_service: ModelsScript) -> None:
        models_service.answer_with(ModelsDocument(content=b"{}"))

        await models.list_models(trace_id="trace-1")
        await models.swap_model(AWKWARD_TEXT, trace_id="trace-2")
        await models.list_models()

        assert list(models_service.seen) == [
            SeenModels("trace-1"),
            SeenSwap(AWKWARD_TEXT, "trace-2"),
            SeenModels(None),
        ]

    async def test_every_model_may_be_named_or_the_list_decides(
        self, models: Models, models_service: ModelsScript
    ) -> None:
        models_service.answer_with(ModelsDocument(content=b'{"object":"list","data":[{"id":"eliza"}]}'))

        assert await models.offers("eliza", trace_id="trace-1")

    async def test_a_failed_connection_is_told(self, models: Models, models_service: ModelsScript) -> None:
        await models_service.go_away()

        for asking in (models.list_models(), models.swap_model("eliza")):
            with pytest.raises(InferenceUnreachableError):
                await asking

    async def test_silence_is_a_timeout(self, models: Models, models_service: ModelsScript) -> None:
        models_service.fall_silent()

        for asking in (models.list_models(), models.swap_model("eliza")):
            with pytest.raises(InferenceTimeoutError):
                await asking
