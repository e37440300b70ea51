"""The Open Inference Protocol, version 2: tensors in JSON or in bytes behind it, in and out.

Source: https://github.com/kserve/open-inference-protocol, and Triton's extension for binary data.
"""

import json
import math
from typing import Any, NamedTuple, NoReturn

import numpy as np
from starlette.exceptions import HTTPException

from cnnbook.deploy._serve_networks import ServedNetwork

MAX_IMAGES = 64  # a request computes for that long before others have their turn


class Tensors(NamedTuple):
    """What a request asks for."""

    images: np.ndarray
    in_bytes: bool
    """Whether the answer is wanted in bytes, not in JSON."""
    id: str


def read_tensors(content: bytes, header_length: str | None, network: ServedNetwork) -> Tensors:
    """Read a request; whatever is wrong with it is an HTTPException 400 that says what is right."""
    end = len(content)
    if header_length is not None:
        if not (header_length.isascii() and header_length.isdigit()) or len(header_length) > 9:
            _refuse("Inference-Header-Content-Length must be a number")
        end = int(header_length)
        if end > len(content):
            _refuse("Inference-Header-Content-Length must not be beyond the end of the body")
    head = strict_json(content[:end])
    given, returned = network.ends
    name = head.get("id", "")
    if not isinstance(name, str):
        _refuse("`id` must be a text")
    tensor = _only(head.get("inputs"), "inputs", given)
    asked = _only(head.get("outputs") or [returned], "outputs", returned)
    wanted = _parameters(asked).get("binary_data", _parameters(head).get("binary_data_output"))
    if "classification" in _parameters(asked):
        _refuse("`classification` is not offered: ask /classify")
    return Tensors(_images(tensor, content[end:], given, network), wanted is True, name)


def write_tensors(
    asked: Tensors, name: str, network: ServedNetwork
) -> tuple[bytes, dict[str, str]]:
    """Compute, and write the answer: its body, and its headers."""
    logits = network.logits(asked.images)
    output = network.ends[1] | {"shape": list(logits.shape)}
    answer: dict[str, Any] = {"model_name": name, "model_version": network.version}
    answer |= {"id": asked.id} if asked.id else {}
    if not asked.in_bytes:
        output["data"] = logits.ravel().tolist()
        content = json.dumps(answer | {"outputs": [output]}).encode()
        return content, {"content-type": "application/json"}
    output["parameters"] = {"binary_data_size": logits.nbytes}
    head = json.dumps(answer | {"outputs": [output]}).encode()
    headers = {"inference-header-content-length": str(len(head))}
    return head + logits.tobytes(), headers | {"content-type": "application/octet-stream"}


def strict_json(content: bytes) -> dict[str, Any]:
    """Read an object of JSON, more strictly than Python does: no NaN, no key twice."""
    try:
        head = json.loads(content.decode(), object_pairs_hook=_object, parse_constant=_no_number)
    except UnicodeDecodeError:
        _refuse("the body must be JSON in UTF-8")
    except RecursionError:
        _refuse("the body must be JSON that is not nested so deep")
    except ValueError as error:
        _refuse(f"the body must be JSON: {str(error)[:80]}")
    if not isinstance(head, dict):
        _refuse("the body must be an object of JSON")
    return head


def _images(
    tensor: dict[str, Any], behind: bytes, given: dict[str, Any], network: ServedNetwork
) -> np.ndarray:
    """Return float32 (count, height, width, channels) of what was sent."""
    shape: Any = tensor.get("shape")
    parameters = _parameters(tensor)
    fits = isinstance(shape, list) and all(type(side) is int for side in shape)
    fits = fits and (*shape[1:],) == network.image_shape and 1 <= shape[0] <= MAX_IMAGES
    if tensor.get("datatype") != "FP32" or not fits:
        sides = ", ".join(map(str, network.image_shape))
        _refuse(f"`{given['name']}` must be FP32 of shape [1 to {MAX_IMAGES}, {sides}]")
    if any(word.startswith("shared_memory") for word in parameters):
        _refuse("shared memory is not offered: send the tensor")
    if "binary_data_size" in parameters:
        size = 4 * math.prod(shape)
        if "data" in tensor or not parameters["binary_data_size"] == len(behind) == size:
            words = "`binary_data_size`, without `data`, and the bytes behind the JSON must be"
            _refuse(f"{words} {size}")
        images = np.frombuffer(behind, "<f4")
    else:
        if behind:
            _refuse("bytes behind the JSON need `binary_data_size`")
        images = _flat_numbers(tensor.get("data"), math.prod(shape))
    if not np.isfinite(images).all():
        _refuse("the numbers must be finite")
    return images.reshape(shape)


def _flat_numbers(data: Any, count: int) -> np.ndarray:
    """Return float32 of a list of numbers, flat or nested."""
    try:
        array = np.array(data if isinstance(data, list) else None)
    except ValueError:  # lists of unequal length
        array = np.array(None)
    if array.dtype.kind not in "iuf" or array.size != count:
        _refuse(f"`data` must be a list of {count} numbers")
    with np.errstate(over="ignore"):
        return array.astype("float32")


def _only(items: Any, what: str, known: dict[str, Any]) -> dict[str, Any]:
    """Return the one item of a list, which must have the name that is known."""
    name = known["name"]
    item = items[0] if isinstance(items, list) and len(items) == 1 else None
    if isinstance(item, dict) and item.get("name") == name:
        return item
    _refuse(f"`{what}` must be a list of one, whose `name` is {name!r}")


def _parameters(item: dict[str, Any]) -> dict[str, Any]:
    """Return what an item has for parameters."""
    parameters = item.get("parameters", {})
    return parameters if isinstance(parameters, dict) else _refuse("`parameters` must be an object")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of its pairs; refuse a key that is there twice, and halves of characters."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is there twice")
    for text in (*found, *found.values()):
        if isinstance(text, str) and not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError:
                raise ValueError("half a character (a lone surrogate)") from None
    return found


def _no_number(text: str) -> NoReturn:
    _refuse(f"the numbers must be finite, and {text} is no JSON")


def _refuse(words: str) -> NoReturn:
    raise HTTPException(400, words)
