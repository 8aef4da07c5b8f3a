"""Code objects: which functions are nested in one, and whether two of them do the same."""

from collections import Counter
from collections.abc import Iterator, Mapping
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR, CO_OPTIMIZED, getattr_static
from types import CodeType, FrameType
from typing import Any

Place = tuple[str, int]
CodePath = tuple[Place, ...]
"""Where a code object is nested in a statement: its name, and its number among those of that name, level by level."""


def functions_in(code: CodeType, path: CodePath = ()) -> Iterator[tuple[CodePath, CodeType]]:
    """The functions whose code is nested in this one."""
    for place, inner in nested_codes(code):
        if is_function(inner):
            yield (*path, place), inner
        yield from functions_in(inner, (*path, place))


def nested_codes(code: CodeType) -> Iterator[tuple[Place, CodeType]]:
    count: Counter[str] = Counter()
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield (constant.co_name, count[constant.co_name]), constant
            count[constant.co_name] += 1


def is_function(code: CodeType) -> bool:
    """False for the body of a class or module."""
    return bool(code.co_flags & CO_OPTIMIZED)


def is_suspended(code: CodeType) -> bool:
    """Whether a call only makes a generator or a coroutine, and runs nothing yet."""
    return bool(code.co_flags & (CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR))


def own_code(code: CodeType) -> object:
    """Something that is equal for code that does the same, apart from the functions nested in it."""
    constants = [
        (code_constant.co_name if is_function(code_constant) else own_code(code_constant))
        if isinstance(code_constant, CodeType)
        else _constant(code_constant)
        for code_constant in code.co_consts
    ]
    arguments = code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags
    names = code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars
    return code.co_code, code.co_exceptiontable, arguments, names, constants


def _constant(value: object) -> object:
    return sorted(map(repr, value)) if isinstance(value, frozenset) else (type(value), repr(value))


def with_known_codes(code: CodeType, known: CodeType) -> CodeType:
    """The code with the very code objects of `known` that equal its own, since functions are found by theirs."""
    return _reusing(code, {(inner, inner.co_qualname): inner for inner in _all_codes(known)})


def _reusing(code: CodeType, known: dict[tuple[CodeType, str], CodeType]) -> CodeType:
    if same := known.get((code, code.co_qualname)):  # which says that it stands on the same lines, too
        return same
    constants = (_reusing(value, known) if isinstance(value, CodeType) else value for value in code.co_consts)
    return code.replace(co_consts=tuple(constants))


def _all_codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for _, inner in nested_codes(code):
        yield from _all_codes(inner)


def frames(frame: FrameType | None) -> Iterator[FrameType]:
    """A frame and those that called it, innermost first."""
    while frame:
        yield frame
        frame = frame.f_back


def look_up(namespace: Mapping[str, Any], chain: tuple[str, ...]) -> Any:
    """What `a.b.c` stands for, as far as no descriptor has to be asked, or None."""
    found = namespace.get(chain[0]) if chain else None
    for name in chain[1:]:
        found = getattr_static(found, name, None)
    return found
