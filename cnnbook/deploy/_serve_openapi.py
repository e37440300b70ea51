"""The description of a server in OpenAPI, made of its routes."""

import inspect
import re
from collections.abc import Callable, Sequence
from typing import Any

TENSOR = {
    "type": "object",
    "required": ["name", "datatype", "shape"],
    "properties": {
        "name": {"type": "string"},
        "datatype": {"const": "FP32"},
        "shape": {"type": "array", "items": {"type": "integer"}},
        "data": {"type": "array", "description": "Flat or nested; left out where bytes follow."},
        "parameters": {"type": "object"},
    },
}
REQUEST = {
    "type": "object",
    "required": ["inputs"],
    "properties": {
        "id": {"type": "string"},
        "inputs": {"type": "array", "items": TENSOR, "minItems": 1, "maxItems": 1},
        "outputs": {"type": "array", "items": {"type": "object"}},
        "parameters": {"type": "object"},
    },
}
ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "string"}},
}
PICTURE = {"schema": {"type": "string", "format": "binary"}}
FORM = {"schema": {"type": "object", "additionalProperties": PICTURE["schema"]}}
BODIES = {
    "infer": {"application/json": {"schema": REQUEST}, "application/octet-stream": PICTURE},
    "classify": {"image/*": PICTURE, "multipart/form-data": FORM},
}
TOP = {"name": "top", "in": "query", "schema": {"type": "integer", "minimum": 1}}
NO_JSON = {"page": "text/html", "prometheus": "text/plain"}


def describe_routes(routes: Sequence[tuple[str, str, Callable]], max_bytes: int) -> dict[str, Any]:
    """Return the description; what a route does is the docstring of what answers it."""
    paths: dict[str, dict[str, Any]] = {}
    for method, path, answer in routes:
        name = answer.__name__
        words = inspect.getdoc(answer) or ""
        given = [
            {"name": each, "in": "path", "required": True, "schema": {"type": "string"}}
            for each in re.findall(r"{(\w+)}", path)
        ]
        content: dict[str, Any] = {NO_JSON.get(name, "application/json"): {}}
        fault = {"description": "What is wrong", "content": {"application/json": {"schema": ERROR}}}
        entry: dict[str, Any] = {
            "summary": words.partition("\n")[0],
            "operationId": name + ("_of_version" if "{version}" in path else ""),
            "parameters": given + ([TOP] if name == "classify" else []),
            "responses": {
                "200": {"description": "The answer", "content": content},
                "default": fault,
            },
        }
        if name in BODIES:
            entry["requestBody"] = {"required": True, "content": BODIES[name]}
        paths.setdefault(path, {})[method.lower()] = entry
    words = f"Pixels are 0 to 255. A body has {max_bytes:,} bytes at most."
    return {
        "openapi": "3.1.0",
        "info": {"title": "cnnbook", "version": "2", "description": words},
        "paths": paths,
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "security": [{}, {"token": []}],
    }
