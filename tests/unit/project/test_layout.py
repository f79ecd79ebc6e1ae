"""Tests mirror src: a test file stands in the folder of the module that it tests, and is named after it.

`test_turns.py` tests `turns.py` or the package `turns`, and `test_turns_in_doubt.py` tests an aspect of it. A module
whose tests stand elsewhere is in one of the tables.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

import pytest

_ROOT = Path(__file__).parents[3]
_KINDS = ("unit", "integration")
_MIRRORED = ("chatcore", "adapters", "entrypoints")

#: Test files that are about the package in whose folder they stand: what each of them tests.
OF_A_PACKAGE: Mapping[str, str] = {
    "unit/adapters/chatcore_auth/test_secrets.py": "no log line of any module contains a token or a key",
    "unit/adapters/chatcore_postgres/test_statements.py": "the rules that all SQL obeys",
    "unit/chatcore/test_imports.py": "the core imports the standard library and attrs alone",
    "unit/chatcore/testing/test_contracts.py": "the contract tests fail where an adapter breaks the contract",
    "unit/entrypoints/chatcore_service/api/test_input_limits.py": "the limits of fields of every resource",
    "unit/entrypoints/chatcore_service/test_key_rotation.py": "both adapters that show a key, in a running service",
    "unit/entrypoints/chatcore_service/test_time_limits.py": "the time limits of server, body and inference",
    "integration/entrypoints/chatcore_service/test_bugs.py": "unexpected errors in any background task",
    "integration/entrypoints/chatcore_service/test_frontend_calls.py": "the calls of one frontend, of any module",
}

#: Modules, or folders of modules, that do nothing which a test could observe: what they hold instead.
WITHOUT_BEHAVIOUR: Mapping[str, str] = {
    "adapters/chatcore_auth/validators/validator": "an interface",
    "adapters/chatcore_inference/http/body_sink": "an interface",
    "adapters/chatcore_inference/protocols/wire_protocol": "an interface",
    "chatcore/conversations/creation": "a data class",
    "chatcore/conversations/message": "data classes",
    "chatcore/ports/": "interfaces, and the data classes of their arguments, which every test of a storage makes",
    "chatcore/replies/lease": "data classes",
    "chatcore/replies/orphans": "data classes",
    "chatcore/replies/outage": "a constant",
    "chatcore/transfers/transferred": "a data class",
    "chatcore/testing/": "contract tests, which the tests of the adapters run",
    "entrypoints/chatcore_dev/local_stack_error": "an exception class",
    "entrypoints/chatcore_service/api/field_types": "types",
    "entrypoints/chatcore_service/http/media_types": "constants",
    "entrypoints/chatcore_service/http/paths": "constants",
    "entrypoints/chatcore_service/streaming/direct_writer": "an interface",
    "entrypoints/chatcore_service/transfers/own_format": "constants",
    "entrypoints/chatcore_service/transfers/reading": "an interface and data classes",
}

_CHUNKS = "unit/adapters/chatcore_inference/protocols/openai/test_chunks.py"
_STORAGE = "integration/adapters/chatcore_postgres/test_storage.py"
_IMPORTER = "integration/adapters/chatcore_postgres/samosachaat/test_importer.py"
_STACK = "integration/entrypoints/chatcore_dev/test_stack.py"
_MODEL_SERVICE = "integration/entrypoints/chatcore_dev/test_model_service.py"
_AUTH_SERVICE = "integration/entrypoints/chatcore_dev/test_auth_service.py"
_LIMITS = "integration/entrypoints/chatcore_service/server/test_protocol_limits.py"
_SERVE = "integration/entrypoints/chatcore_service/server/test_serve.py"
_CHATGPT = "unit/entrypoints/chatcore_service/transfers/test_chatgpt_reader.py"
_OWN_READER = "unit/entrypoints/chatcore_service/transfers/test_own_reader.py"
_DOCUMENT = "unit/entrypoints/chatcore_service/openapi/test_document.py"

#: Modules, or folders of modules, whose tests have another name: where they are tested.
TESTED_BY: Mapping[str, str] = {
    "adapters/chatcore_auth/http_client": "unit/adapters/chatcore_auth/validators/service/test_service_validator.py",
    "adapters/chatcore_auth/token_check": "unit/adapters/chatcore_auth/test_cache.py",
    "adapters/chatcore_auth/validators/oidc/discovery": "unit/adapters/chatcore_auth/validators/oidc/test_issuer.py",
    "adapters/chatcore_auth/validators/oidc/issuer_calls": "unit/adapters/chatcore_auth/validators/oidc/test_issuer.py",
    "adapters/chatcore_auth/validators/oidc/json_object": (
        "unit/adapters/chatcore_auth/validators/oidc/test_signed_token.py"
    ),
    "adapters/chatcore_inference/http/direct_client": "unit/adapters/chatcore_inference/test_client.py",
    "adapters/chatcore_inference/http/error_translation": "unit/adapters/chatcore_inference/test_client.py",
    "adapters/chatcore_inference/http/event_reader": "integration/adapters/chatcore_inference/test_client_streams.py",
    "adapters/chatcore_inference/http/keyed_sender": "unit/adapters/chatcore_inference/test_client.py",
    "adapters/chatcore_inference/http/response_body": "integration/adapters/chatcore_inference/http/test_transport.py",
    "adapters/chatcore_inference/http/watchdog": "integration/adapters/chatcore_inference/test_limits.py",
    "adapters/chatcore_inference/http/whole_body": "unit/adapters/chatcore_inference/test_client.py",
    "adapters/chatcore_inference/protocols/openai/content": _CHUNKS,
    "adapters/chatcore_inference/protocols/openai/loose_json": _CHUNKS,
    "adapters/chatcore_inference/protocols/openai/our_frames": _CHUNKS,
    "adapters/chatcore_inference/protocols/samosachaat/protocol": "unit/adapters/chatcore_inference/test_client.py",
    "adapters/chatcore_memory/beginnings": "unit/adapters/chatcore_memory/test_storage.py",
    "adapters/chatcore_memory/changes": "unit/adapters/chatcore_memory/test_storage.py",
    "adapters/chatcore_memory/continuations": "unit/adapters/chatcore_memory/test_storage.py",
    "adapters/chatcore_memory/bulk_deletions": "unit/adapters/chatcore_memory/test_storage.py",
    "adapters/chatcore_memory/conversations": "unit/adapters/chatcore_memory/test_storage.py",
    "adapters/chatcore_memory/forks": "unit/adapters/chatcore_memory/test_storage.py",
    "adapters/chatcore_memory/paths": "unit/adapters/chatcore_memory/test_storage.py",
    "adapters/chatcore_memory/replies": "unit/adapters/chatcore_memory/test_storage.py",
    "adapters/chatcore_memory/rows": "unit/adapters/chatcore_memory/test_storage.py",
    "adapters/chatcore_memory/search": "unit/adapters/chatcore_memory/test_storage.py",
    "adapters/chatcore_memory/stores/": "unit/adapters/chatcore_memory/test_storage.py",
    "adapters/chatcore_memory/transfers": "unit/adapters/chatcore_memory/test_storage.py",
    "adapters/chatcore_memory/tables": "unit/adapters/chatcore_memory/test_storage.py",
    "adapters/chatcore_memory/trees": "unit/adapters/chatcore_memory/test_storage.py",
    "adapters/chatcore_postgres/bulk_deletions": _STORAGE,
    "adapters/chatcore_postgres/contents": _STORAGE,
    "adapters/chatcore_postgres/conversations": _STORAGE,
    "adapters/chatcore_postgres/driver/transaction": _STORAGE,
    "adapters/chatcore_postgres/forks": _STORAGE,
    "adapters/chatcore_postgres/paths": _STORAGE,
    "adapters/chatcore_postgres/pools": _STORAGE,
    "adapters/chatcore_postgres/replies/": _STORAGE,
    "adapters/chatcore_postgres/schema_advice": "integration/adapters/chatcore_postgres/test_health.py",
    "adapters/chatcore_postgres/schema_survey": "integration/adapters/chatcore_postgres/test_migration_refusals.py",
    "adapters/chatcore_postgres/samosachaat/conversation_import": _IMPORTER,
    "adapters/chatcore_postgres/samosachaat/failure": (
        "integration/entrypoints/chatcore_service/test_import_samosachaat.py"
    ),
    **{f"adapters/chatcore_postgres/search/{name}": _STORAGE for name in ("find", "queue", "walk")},
    "adapters/chatcore_postgres/samosachaat/report": _IMPORTER,
    "adapters/chatcore_postgres/samosachaat/source": _IMPORTER,
    "adapters/chatcore_postgres/samosachaat/target": _IMPORTER,
    "adapters/chatcore_postgres/stores/": _STORAGE,
    "adapters/chatcore_postgres/trees": _STORAGE,
    "chatcore/administrators": "unit/adapters/chatcore_auth/test_named_administrators.py",
    "chatcore/errors": "unit/entrypoints/chatcore_service/http/test_problems.py",
    "chatcore/replies/outcomes": "unit/chatcore/replies/test_generation.py",
    "chatcore/replies/page_reader": "unit/chatcore/replies/test_follower.py",
    "chatcore/replies/turn_starter": "unit/chatcore/replies/test_turns.py",
    "entrypoints/chatcore_dev/auth_service/__main__": _AUTH_SERVICE,
    "entrypoints/chatcore_dev/local_services": "integration/entrypoints/chatcore_dev/test_local_inference.py",
    "entrypoints/chatcore_dev/model_service/__main__": _MODEL_SERVICE,
    "entrypoints/chatcore_dev/model_service/llama_server": _MODEL_SERVICE,
    "entrypoints/chatcore_dev/auth_service/jwt": _AUTH_SERVICE,
    "entrypoints/chatcore_dev/auth_service/user_tokens": "unit/entrypoints/chatcore_dev/auth_service/test_auth_app.py",
    "entrypoints/chatcore_dev/auth_service/users": _AUTH_SERVICE,
    "entrypoints/chatcore_dev/data_directory": _STACK,
    "entrypoints/chatcore_dev/environment": _STACK,
    "entrypoints/chatcore_dev/service_parts/command_line": _AUTH_SERVICE,
    "entrypoints/chatcore_dev/service_parts/json_requests": _AUTH_SERVICE,
    "entrypoints/chatcore_dev/inference_service/__main__": (
        "integration/entrypoints/chatcore_dev/test_inference_service.py"
    ),
    "entrypoints/chatcore_dev/interruption": "integration/entrypoints/chatcore_dev/test_child_process.py",
    "entrypoints/chatcore_dev/terminal": _STACK,
    "entrypoints/chatcore_dev/welcome": _STACK,
    "entrypoints/chatcore_service/__main__": _SERVE,
    "entrypoints/chatcore_service/api/conversation_responses": (
        "unit/entrypoints/chatcore_service/api/test_conversations.py"
    ),
    "entrypoints/chatcore_service/api/docs": "unit/entrypoints/chatcore_service/openapi/test_page.py",
    "entrypoints/chatcore_service/api/events": _DOCUMENT,
    "entrypoints/chatcore_service/api/feed_documents": "unit/entrypoints/chatcore_service/api/test_changes.py",
    "entrypoints/chatcore_service/api/message_bodies": "unit/entrypoints/chatcore_service/api/test_messages.py",
    "entrypoints/chatcore_service/api/message_document": "unit/entrypoints/chatcore_service/api/test_messages.py",
    "entrypoints/chatcore_service/api/monitoring": "unit/entrypoints/chatcore_service/test_readiness.py",
    "entrypoints/chatcore_service/api/parts": "unit/entrypoints/chatcore_service/api/test_open_conversation.py",
    "entrypoints/chatcore_service/app": "unit/entrypoints/chatcore_service/test_container.py",
    "entrypoints/chatcore_service/console/policy": "unit/entrypoints/chatcore_service/api/test_console.py",
    "entrypoints/chatcore_service/endpoint_container": "unit/entrypoints/chatcore_service/test_container.py",
    "entrypoints/chatcore_service/http/application": "unit/entrypoints/chatcore_service/http/test_resource.py",
    "entrypoints/chatcore_service/http/bearer_authenticator": "unit/entrypoints/chatcore_service/http/test_headers.py",
    "entrypoints/chatcore_service/http/caller": "unit/entrypoints/chatcore_service/http/test_headers.py",
    "entrypoints/chatcore_service/http/confirmation": "unit/entrypoints/chatcore_service/api/test_conversations.py",
    "entrypoints/chatcore_service/http/fields": "unit/entrypoints/chatcore_service/openapi/test_schemas.py",
    "entrypoints/chatcore_service/http/operation": "unit/entrypoints/chatcore_service/http/test_endpoints.py",
    "entrypoints/chatcore_service/http/one_at_a_time": "unit/entrypoints/chatcore_service/api/test_transfers.py",
    "entrypoints/chatcore_service/http/security_scheme": _DOCUMENT,
    "entrypoints/chatcore_service/openapi/problem_codes": _DOCUMENT,
    "entrypoints/chatcore_service/transfers/chatgpt_content": _CHATGPT,
    "entrypoints/chatcore_service/transfers/chatgpt_conversation": _CHATGPT,
    "entrypoints/chatcore_service/transfers/detecting_reader": _OWN_READER,
    "entrypoints/chatcore_service/transfers/fields": _OWN_READER,
    "entrypoints/chatcore_service/transfers/importing": "unit/entrypoints/chatcore_service/api/test_transfers.py",
    "chatcore/transfers/made_anew": "unit/chatcore/transfers/test_checked.py",
    "chatcore/transfers/stretches": _CHATGPT,
    "entrypoints/chatcore_service/openapi/problem_responses": _DOCUMENT,
    "entrypoints/chatcore_service/openapi/response_headers": _DOCUMENT,
    "entrypoints/chatcore_service/streaming/feed_streams": "unit/entrypoints/chatcore_service/api/test_changes.py",
    "entrypoints/chatcore_service/server/metrics_folder": _SERVE,
    "entrypoints/chatcore_service/server/refusal": _LIMITS,
    "entrypoints/chatcore_service/server/unparsed_headers": _LIMITS,
}


def _modules() -> set[str]:
    """Returns all modules but `__init__`, as paths below `src` without `.py`."""
    paths = (path.relative_to(_ROOT / "src") for path in (_ROOT / "src").rglob("*.py"))
    return {path.with_suffix("").as_posix() for path in paths if path.name != "__init__.py"}


def _test_files() -> set[str]:
    """Returns all test files that mirror `src`, as paths below `tests`."""
    folders = (_ROOT / "tests" / kind / top for kind in _KINDS for top in _MIRRORED)
    return {path.relative_to(_ROOT / "tests").as_posix() for folder in folders for path in folder.rglob("test_*.py")}


def _names(name: str, parts: Iterable[str]) -> set[str]:
    """Returns which of the parts a test file is named after: the part itself, or the part and an aspect."""
    return {part for part in parts if name == part or name.startswith(f"{part}_")}


def _subject(test_file: str) -> tuple[str, str]:
    """Returns the folder that a test file mirrors, and its name without `test_`."""
    path = PurePosixPath(test_file)
    return path.relative_to(path.parts[0]).parent.as_posix(), path.stem.removeprefix("test_")


def _strays(test_files: Iterable[str], modules: Iterable[str]) -> set[str]:
    """Returns the test files that are named after no module and no package of the folder that they mirror."""
    parts: dict[str, set[str]] = {}
    for module in modules:
        path = PurePosixPath(module)
        for part in (path, *path.parents[:-1]):
            parts.setdefault(part.parent.as_posix(), set()).add(part.name)
    strays = set()
    for test_file in test_files:
        folder, name = _subject(test_file)
        if not _names(name, parts.get(folder, ())):
            strays.add(test_file)
    return strays


def _without_test_file(modules: Iterable[str], test_files: Iterable[str]) -> set[str]:
    """Returns the modules after which no test file in the folder that mirrors theirs is named."""
    names: dict[str, set[str]] = {}
    for test_file in test_files:
        folder, name = _subject(test_file)
        names.setdefault(folder, set()).add(name)
    paths = [PurePosixPath(module) for module in modules]
    return {
        path.as_posix()
        for path in paths
        if not any(_names(name, [path.name]) for name in names.get(path.parent.as_posix(), ()))
    }


def _rows_of(module: str) -> list[str]:
    """Returns the rows of both tables that name a module or its folder."""
    return [
        row
        for row in [*WITHOUT_BEHAVIOUR, *TESTED_BY]
        if row == module or (row.endswith("/") and module.startswith(row))
    ]


def test_every_test_file_is_named_after_a_module_or_package_of_its_folder() -> None:
    assert _strays(_test_files(), _modules()) == OF_A_PACKAGE.keys()


def test_every_module_has_a_test_file_of_its_name_or_a_row_in_a_table() -> None:
    without = _without_test_file(_modules(), _test_files())

    assert {module for module in without if not _rows_of(module)} == set()


def test_no_module_has_two_rows_and_none_has_a_row_beside_its_own_test_file() -> None:
    with_test_file = _modules() - _without_test_file(_modules(), _test_files())
    exact_rows = WITHOUT_BEHAVIOUR.keys() | TESTED_BY.keys()

    assert exact_rows & with_test_file == set()
    assert {module for module in _modules() if len(_rows_of(module)) > 1} == set()


def test_every_row_names_what_exists() -> None:
    rows = {row: row.rstrip("/") if row.endswith("/") else f"{row}.py" for row in [*WITHOUT_BEHAVIOUR, *TESTED_BY]}

    assert [row for row, path in rows.items() if not (_ROOT / "src" / path).exists()] == []
    assert [path for path in TESTED_BY.values() if not (_ROOT / "tests" / path).is_file()] == []


@pytest.mark.parametrize(
    "stray",
    [
        "unit/chatcore/replies/test_nothing.py",
        "unit/chatcore/nowhere/test_turns.py",
        "unit/chatcore/test_turns.py",
        "integration/chatcore/replies/test_turnstile.py",
    ],
)
def test_a_stray_test_file_is_found(stray: str) -> None:
    assert _strays([stray, "unit/chatcore/replies/test_turns_in_doubt.py"], ["chatcore/replies/turns"]) == {stray}


def test_a_module_without_a_test_file_is_found() -> None:
    modules = ["chatcore/replies/turns", "chatcore/replies/lost"]

    assert _without_test_file(modules, ["unit/chatcore/replies/test_turns.py"]) == {"chatcore/replies/lost"}
