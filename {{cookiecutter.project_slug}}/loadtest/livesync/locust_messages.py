"""Locust's own messages from a worker: what they have to hold, so that the master can count, show and report it.

Other fields are allowed, because listeners of `report_to_master` add some.
"""

from locust.runners import STATE_INIT, STATE_RUNNING, STATE_SPAWNING

from collections.abc import Callable
from itertools import chain
from typing import Any

from .errors import Rejected

LARGEST = 1e18
"""Of floating-point numbers, because sums must not become infinite. msgpack limits whole numbers to 64 bits."""

LATEST = 1e11
"""Seconds since 1970 of a time that Python can format."""

Fields = dict[str, Callable[[Any], bool]]


def check(kind: str, data: Any) -> None:
    """Raise Rejected unless the data of a message of this kind is valid; kinds of user code are not checked."""
    if kind == "client_ready" and not isinstance(data, str) and data != -1:
        raise Rejected("it does not contain a version of Locust")
    if kind in FIELDS:
        _check_fields("its", data, FIELDS[kind])


def _check_fields(whose: str, data: Any, fields: Fields) -> None:
    if not isinstance(data, dict):
        raise Rejected(f"{whose} data is not a dictionary")
    for name, is_valid in fields.items():
        if not is_valid(data.get(name)):
            raise Rejected(f"{whose} {name} is not valid: {data.get(name)!r:.60}")


def is_text(value: Any) -> bool:
    """Whether it is text, which msgpack keeps apart from bytes."""
    return isinstance(value, str)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(is_text, value))


def _is_number(value: Any) -> bool:
    return type(value) is int or (type(value) is float and abs(value) <= LARGEST)  # which NaN is not


def _are_numbers(value: Any) -> bool:
    """Whether it is a map from numbers to numbers. Whole numbers, as usual, are checked fast."""
    if not isinstance(value, dict):
        return False
    return set(map(type, chain(value, value.values()))) <= {int} or all(map(_is_number, chain(value, value.values())))


def _is_time(value: Any) -> bool:
    return _is_number(value) and 0 <= value <= LATEST


def _is_state(value: Any) -> bool:
    return value in (STATE_INIT, STATE_SPAWNING, STATE_RUNNING)


def _are_counts(value: Any) -> bool:
    """Whether it is a map from names of user classes to numbers of users."""
    return isinstance(value, dict) and all(is_text(name) and _is_count(value[name]) for name in value)


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_entry(value: Any) -> bool:
    _check_fields("an entry's", value, ENTRY)
    return True


def _are_entries(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_entry, value))


def _is_failure(value: Any) -> bool:
    _check_fields("a failure's", value, FAILURE)
    return True


def _are_failures(value: Any) -> bool:
    return isinstance(value, dict) and all(map(is_text, value)) and all(map(_is_failure, value.values()))


def _or_none(is_valid: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or is_valid(value)


ENTRY: Fields = {
    "name": is_text,
    "method": is_text,
    "last_request_timestamp": _or_none(_is_time),
    "start_time": _is_time,
    "num_requests": _is_number,
    "num_none_requests": _is_number,
    "num_failures": _is_number,
    "total_response_time": _is_number,
    "max_response_time": _is_number,
    "min_response_time": _or_none(_is_number),
    "total_content_length": _is_number,
    "response_times": _are_numbers,
    "num_reqs_per_sec": _are_numbers,
    "num_fail_per_sec": _are_numbers,
}

FAILURE: Fields = {
    "name": is_text,
    "method": is_text,
    "error": is_text,
    "occurrences": _is_number,
    "first_seen": _or_none(_is_time),
    "last_seen": _or_none(_is_time),
}

FIELDS: dict[str, Fields] = {
    "heartbeat": {"state": _is_state, "current_cpu_usage": _is_number, "current_memory_usage": _is_number},
    "stats": {
        "user_classes_count": _are_counts,
        "stats": _are_entries,
        "stats_total": _is_entry,
        "errors": _are_failures,
    },
    "spawning_complete": {"user_classes_count": _are_counts},
    "exception": {"msg": is_text, "traceback": is_text},
    "logs": {"worker_id": is_text, "logs": _are_texts},
}
