"""Parses requests at the door and encodes answers on the way out."""

from __future__ import annotations

import dataclasses
import math
import reprlib
import types
import typing
from typing import Any, Literal, TypeVar

from sam2_widget import requests
from sam2_widget.answers import Answer, Frame
from sam2_widget.requests import Request

if typing.TYPE_CHECKING:
    from collections.abc import Iterable

_MAX_INTEGER = 2**53 - 1
"""JavaScript's largest exact integer."""


class MessageError(ValueError):
    """A message that is not of the agreed form."""


REQUESTS: dict[str, type[Request]] = {
    cls.kind: cls
    for cls in vars(requests).values()
    if isinstance(cls, type) and issubclass(cls, Request) and cls is not Request
}

_T = TypeVar("_T")


def parse(content: object, buffers: Iterable[Any] = ()) -> Request:
    """Turn the JSON of a request and its buffers into its dataclass.

    Parameters
    ----------
    content : object
        What the browser sent: hostile until checked.
    buffers : iterable of bytes-like
        What came with it; they are not copied.

    Raises
    ------
    MessageError
        If it is not a request of the agreed form; the text names the field.
    """
    if not isinstance(content, dict):
        raise MessageError("A request must be a JSON object.")
    kind = content.get("kind")
    cls = REQUESTS.get(kind) if isinstance(kind, str) else None
    if cls is None:
        raise MessageError(f"Unknown request {_show(kind)}; reload the page to update the widget.")
    request = _build(cls, {key: value for key, value in content.items() if key != "kind"})
    views = tuple(memoryview(buffer) for buffer in buffers)
    return dataclasses.replace(request, buffers=views) if views else request


def _build(cls: type[_T], values: dict[str, Any]) -> _T:
    hints = typing.get_type_hints(cls)
    names = {f.name for f in dataclasses.fields(cls)} - {"buffers"}  # type: ignore[arg-type]
    unknown = values.keys() - names
    if unknown:
        raise MessageError(f"Unexpected field {_show(min(unknown))} in {cls.__name__}.")
    checked = {k: _check(v, hints[k], f"{cls.__name__}.{k}") for k, v in values.items()}
    try:
        return cls(**checked)
    except TypeError as error:
        raise MessageError(f"Incomplete {cls.__name__}: {error}.") from error


def _check(value: Any, hint: Any, where: str) -> Any:
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return _check_optional(value, hint, where)
    if origin is Literal:
        ok = value in typing.get_args(hint)
    elif origin is list:
        (item,) = typing.get_args(hint)
        if isinstance(value, list):
            return [_check(v, item, where) for v in value]
        ok = False
    elif origin is tuple:
        items = typing.get_args(hint)
        if isinstance(value, list) and len(value) == len(items):
            return tuple(_check(v, i, where) for v, i in zip(value, items, strict=True))
        ok = False
    elif hint is float:
        ok = _is_integer(value) or (type(value) is float and math.isfinite(value))
    elif hint is int:
        ok = _is_integer(value)
    else:
        ok = isinstance(value, hint)
    if not ok:
        raise MessageError(f"{where} cannot be {_show(value)}.")
    return value


def _is_integer(value: object) -> bool:
    return type(value) is int and abs(value) <= _MAX_INTEGER


def _show(value: object) -> str:
    # Unlike repr(), bounded in depth and length.
    return reprlib.repr(value)[:60]


def _check_optional(value: Any, hint: Any, where: str) -> Any:
    inner = [arg for arg in typing.get_args(hint) if arg is not type(None)]
    if value is None and len(inner) < len(typing.get_args(hint)):
        return None
    return _check(value, inner[0], where)


def encode(request_id: int, view: str, answer: Answer) -> tuple[dict[str, Any], list[bytes]]:
    """Return the JSON content and the binary buffers of an answer."""
    content = dataclasses.asdict(answer)
    buffers = list(content.pop("buffers"))
    if isinstance(answer, Frame) and answer.overlay is not None:
        buffers += content["overlay"].pop("buffers")
    return {"id": request_id, "view": view, "kind": answer.kind, **content}, buffers
