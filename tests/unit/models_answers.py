"""Makes answers about models from the status that the inference service gave them."""

from chatcore.errors import ModelsRefusedError
from chatcore.ports import ModelsDocument


def models_answer(
    status: int,
    content: bytes = b"{}",
    media_type: str = "application/json",
    *,
    retry_after_seconds: int | None = None,
) -> ModelsDocument | ModelsRefusedError:
    """Returns what the models port makes of such an answer: a document, or the error that carries one."""
    if status < 300:
        return ModelsDocument(content=content, media_type=media_type, status=status)
    return ModelsRefusedError(content, status=status, media_type=media_type, retry_after_seconds=retry_after_seconds)
