"""Every limit of time, size and number: its setting, its default, and the tests of its edge."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from tests.unit.entrypoints.chatcore_service.http_service import SETTINGS

from chatcore_service.settings import Settings

#: By variable: its path in the settings, its default, and the tests of its edge.
LIMITS: Mapping[str, tuple[str, float, tuple[str, ...]]] = {
    # What a caller may send.
    "MAX_HEADER_BYTES": (
        "requests.max_header_bytes",
        16 * 1024,
        (
            "integration/entrypoints/chatcore_service/server/test_protocol_limits.py::test_headers_have_at_most_16_kibibytes",
            "integration/entrypoints/chatcore_service/server/test_protocol_limits.py::test_how_large_headers_may_be_is_a_setting",
        ),
    ),
    "HEADER_TIMEOUT_SECONDS": (
        "requests.header_timeout_seconds",
        10,
        (
            "unit/entrypoints/chatcore_service/test_time_limits.py::test_the_headers_of_a_request_have_ten_seconds",
            "integration/entrypoints/chatcore_service/server/test_protocol_limits.py::test_headers_that_do_not_come_are_not_waited_for",
        ),
    ),
    "MAX_BODY_BYTES": (
        "requests.max_body_bytes",
        256 * 1024,
        ("unit/entrypoints/chatcore_service/http/test_body_reader.py::test_a_body_has_at_most_256_kibibytes",),
    ),
    "BODY_TIMEOUT_SECONDS": (
        "requests.body_timeout_seconds",
        10,
        (
            "unit/entrypoints/chatcore_service/test_time_limits.py::test_a_body_has_ten_seconds",
            "integration/entrypoints/chatcore_service/server/test_protocol_limits.py::test_a_body_that_does_not_come_is_not_waited_for",
        ),
    ),
    "MAX_CONNECTIONS": (
        "connections.max_connections",
        8192,
        (
            "integration/entrypoints/chatcore_service/server/test_protocol_connections.py::test_beyond_the_limit_a_request_is_refused_and_a_probe_answered",
        ),
    ),
    "KEEP_ALIVE_TIMEOUT_SECONDS": (
        "connections.keep_alive_seconds",
        75,
        (
            "unit/entrypoints/chatcore_service/test_time_limits.py::test_an_idle_connection_has_75_seconds_for_its_next_request",
        ),
    ),
    **{
        variable: (
            f"limits.inputs.{name}",
            default,
            (
                "unit/chatcore/test_input_limits.py::test_what_is_at_a_limit_is_taken_and_what_is_above_is_not",
                "unit/entrypoints/chatcore_service/api/test_input_limits.py::test_a_field_is_held_to_its_setting",
            ),
        )
        for variable, name, default in (
            ("MAX_MESSAGE_CHARACTERS", "max_content_chars", 8000),
            ("MAX_TITLE_CHARACTERS", "max_title_chars", 500),
            ("MAX_MODEL_TAG_CHARACTERS", "max_model_tag_chars", 100),
            ("MAX_TEMPERATURE", "max_temperature", 2),
            ("MAX_REPLY_TOKENS", "max_tokens", 4096),
        )
    },
    # What a user may have at once.
    "MAX_REQUESTS_PER_USER": (
        "requests.max_per_user",
        64,
        (
            "unit/entrypoints/chatcore_service/http/test_admission.py::test_a_user_has_the_permitted_number_of_requests_in_progress",
            "unit/entrypoints/chatcore_service/http/test_admission.py::test_the_default_is_64_requests",
        ),
    ),
    "MAX_WAITING_TURNS": (
        "requests.max_waiting_turns",
        128,
        (
            "unit/entrypoints/chatcore_service/http/test_waiting_turns.py::test_the_default_is_128_turns",
            "unit/entrypoints/chatcore_service/http/test_waiting_turns.py::test_a_turn_beyond_the_limit_is_refused",
        ),
    ),
    "MAX_BUFFERED_BYTES": (
        "requests.max_buffered_bytes",
        256 * 1024 * 1024,
        (
            "unit/entrypoints/chatcore_service/http/test_buffer_budget.py::test_the_process_holds_no_more_than_the_budget",
            "integration/entrypoints/chatcore_service/server/test_connection_protocol_buffers.py::test_half_sent_bodies_of_a_user_take_a_part_of_the_budget",
        ),
    ),
    "MAX_REQUESTS_PER_MINUTE": (
        "requests.max_per_minute",
        0,
        (
            "unit/entrypoints/chatcore_service/http/test_request_rate.py::test_a_minute_has_the_limit_and_no_more",
            "unit/entrypoints/chatcore_service/http/test_admission.py::test_the_number_of_requests_in_a_minute_is_not_limited_by_default",
        ),
    ),
    "MAX_STREAMS_PER_USER": (
        "streams.max_per_user",
        20,
        (
            "unit/entrypoints/chatcore_service/streaming/test_stream_limiter.py::test_a_single_process_grants_the_limit_and_no_more",
            "unit/entrypoints/chatcore_service/streaming/test_stream_limiter.py::test_streams_on_other_processes_count",
            "integration/entrypoints/chatcore_service/streaming/test_streams.py::test_the_limit_of_streams_counts_each_user_separately",
        ),
    ),
    "MAX_FEEDS_PER_USER": (
        "streams.max_feeds_per_user",
        20,
        ("unit/entrypoints/chatcore_service/api/test_changes.py::test_feeds_have_a_limit_of_their_own",),
    ),
    "MAX_GENERATIONS_PER_USER": (
        "limits.generations_per_user",
        8,
        (
            "unit/entrypoints/chatcore_service/api/test_messages.py::test_too_many_replies_at_once_are_refused_with_retry_after",
        ),
    ),
    # What a reader may expect of a stream.
    "STREAM_MAX_SECONDS": (
        "streams.max_seconds",
        600,
        ("unit/entrypoints/chatcore_service/streaming/test_stream_monitor.py::test_a_stream_lives_for_ten_minutes",),
    ),
    "STREAM_KEEP_ALIVE_SECONDS": (
        "streams.keep_alive_seconds",
        15,
        (
            "unit/entrypoints/chatcore_service/streaming/test_stream_monitor.py::test_a_silent_stream_owes_a_comment_after_15_seconds",
        ),
    ),
    "STREAM_WRITE_TIMEOUT_SECONDS": (
        "streams.write_timeout_seconds",
        30,
        (
            "unit/entrypoints/chatcore_service/streaming/test_stream_monitor.py::test_a_reader_that_takes_nothing_for_30_seconds_is_disconnected",
            "integration/entrypoints/chatcore_service/server/test_delivery_watch.py::test_a_caller_that_takes_nothing_of_a_response_is_disconnected",
        ),
    ),
    # What the inference service may send, and how long it may take.
    "MAX_REPLY_CHARACTERS": (
        "inference_limits.max_text_chars",
        1024 * 1024,
        ("unit/adapters/chatcore_inference/http/test_receiver.py::test_the_text_of_a_reply_is_counted_in_code_points",),
    ),
    "MAX_FRAME_BYTES": (
        "inference_limits.max_frame_bytes",
        256 * 1024,
        ("unit/adapters/chatcore_inference/http/test_receiver.py::test_the_common_frame_too_is_held_to_the_limit",),
    ),
    "MAX_INFERENCE_HEADER_BYTES": (
        "inference_limits.max_header_bytes",
        16 * 1024,
        (
            "unit/adapters/chatcore_inference/http/test_exchange.py::test_a_head_of_the_permitted_size_passes_and_a_larger_one_does_not",
        ),
    ),
    **{
        f"INFERENCE_{variable}_TIMEOUT_SECONDS": (
            f"inference_timeouts.{name}_seconds",
            default,
            (
                "unit/entrypoints/chatcore_service/test_time_limits.py::test_a_model_is_waited_for_as_long_as_the_settings_say_and_no_longer",
            ),
        )
        for variable, name, default in (
            ("FIRST_FRAME", "first_frame", 60),
            ("IDLE", "idle", 60),
            ("TOTAL", "total", 900),
        )
    },
    # What the model is shown.
    "MAX_CONVERSATION_HISTORY": (
        "limits.history.max_messages",
        50,
        ("unit/chatcore/conversations/test_history.py::test_at_most_so_many_messages_go_along_the_newest_included",),
    ),
    "MAX_TOKEN_BUDGET": (
        "limits.history.budget",
        6000,
        (
            "unit/chatcore/conversations/test_history.py::test_of_the_oldest_message_that_does_not_fit_the_end_goes_along",
        ),
    ),
    # Who is remembered.
    "AUTH_CACHE_TTL_SECONDS": (
        "auth_cache_ttl_seconds",
        300,
        (
            "unit/adapters/chatcore_auth/test_cache.py::test_a_user_is_cached_until_ttl_or_expiry_but_at_most_300_seconds",
        ),
    ),
    "AUTH_CACHE_MAX_SIZE": (
        "auth_cache_max_size",
        1024,
        ("unit/adapters/chatcore_auth/test_cache.py::test_a_full_cache_evicts_the_least_recently_used_user",),
    ),
}

#: These bound our own waiting, not the behaviour of others; they are tested, but have no edge.
NO_LIMITS = {
    "AUTH_TIMEOUT_SECONDS",
    "DATABASE_POOL_MAX_SIZE",
    "DEFAULT_MAX_TOKENS",
    "DRAIN_SECONDS",
    "INFERENCE_CONNECT_TIMEOUT_SECONDS",
    "STREAM_REVALIDATE_SECONDS",
    "FEED_REVALIDATE_SECONDS",
}

_TESTS = Path(__file__).parents[3]


class _RecordingEnvironment(Mapping[str, str]):
    """An environment that records which variables are read."""

    def __init__(self) -> None:
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        if name == "INTERNAL_API_KEY":
            return "key"
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def test_every_setting_that_bounds_something_is_in_the_table() -> None:
    environment = _RecordingEnvironment()
    Settings.from_environment(environment)

    bounds = {name for name in environment.asked if re.search(r"(^|_)MAX_|_SECONDS$", name)}
    assert bounds == LIMITS.keys() | NO_LIMITS


def test_every_default_is_the_promised_one() -> None:
    defaults = {variable: _setting(SETTINGS, path) for variable, (path, _, _) in LIMITS.items()}

    assert defaults == {variable: default for variable, (_, default, _) in LIMITS.items()}


def test_every_limit_can_be_changed() -> None:
    # Below the default, which is the maximum of some settings.
    others = {variable: default // 2 for variable, (_, default, _) in LIMITS.items()}
    changed = {
        variable: Settings.from_environment({"INTERNAL_API_KEY": "key", variable: str(other)})
        for variable, other in others.items()
    }

    assert {variable: _setting(changed[variable], path) for variable, (path, _, _) in LIMITS.items()} == others


def test_the_edge_of_every_limit_has_a_test() -> None:
    tests = [test.partition("::") for _, _, tests in LIMITS.values() for test in tests]

    assert [f"{path}::{name}" for path, _, name in tests if name not in _functions(_TESTS / path)] == []


def _setting(settings: object, path: str) -> object:
    for name in path.split("."):
        settings = getattr(settings, name)
    return settings


@cache
def _functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
