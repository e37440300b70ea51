"""Requests of the protocol, right and wrong, and what a real Triton says to each of them.

`triton_answers.json` has the statuses of Triton 2.51. To ask it again, in an environment of its own
that has nvidia-pytriton: `python tests/deploy/protocol_cases.py`.
"""

import http.client
import json
import time
from pathlib import Path

ANSWERS = Path(__file__).with_name("triton_answers.json")
INFER = "/v2/models/photos/infer"


def tensor(**changes):
    """Describe one grey picture of 8 by 8 pixels, or something that is wrong in one place."""
    known = {"name": "images", "datatype": "FP32", "shape": [1, 8, 8, 3], "data": [1.0] * 192}
    return {name: value for name, value in (known | changes).items() if value is not None}


def asking(*tensors, **more):
    """Return a request in JSON."""
    return json.dumps({"inputs": [*tensors]} | more).encode()


def in_bytes(size=768, count=768, **changes):
    """Return a request with bytes behind its JSON, and its headers."""
    parameters = {"binary_data_size": size}
    head = asking(tensor(data=None, parameters=parameters, **changes))
    return head + bytes(count), {"Inference-Header-Content-Length": str(len(head))}


def cases_unloaded(version="1"):
    """Return the same of requests that come when the network has been unloaded."""
    plain, place = asking(tensor()), f"/v2/models/photos/versions/{version}"
    return {
        "unloaded": ("POST", INFER, plain, {}),
        "unloaded version": ("POST", f"{place}/infer", plain, {}),
        "unloaded, another version": ("POST", "/v2/models/photos/versions/9/infer", plain, {}),
        "unloaded version's metadata": ("GET", place, None, {}),
        "unloaded network's metadata": ("GET", "/v2/models/photos", None, {}),
        "unloaded network ready": ("GET", "/v2/models/photos/ready", None, {}),
    }


def cases(version="1"):
    """Return method, path, body and headers of each; `version` is that of the network."""
    plain = asking(tensor())
    found = {
        "json": ("POST", INFER, plain, {}),
        "its version": ("POST", f"/v2/models/photos/versions/{version}/infer", plain, {}),
        "bytes": ("POST", INFER, *in_bytes()),
        "two pictures": ("POST", INFER, asking(tensor(shape=[2, 8, 8, 3], data=[1] * 384)), {}),
        "nested": ("POST", INFER, asking(tensor(data=[[[[1.0] * 3] * 8] * 8])), {}),
        "an id": ("POST", INFER, asking(tensor(), id="seven"), {}),
        "unknown network": ("POST", "/v2/models/nothing/infer", plain, {}),
        "unknown network's metadata": ("GET", "/v2/models/nothing", None, {}),
        "unknown network ready": ("GET", "/v2/models/nothing/ready", None, {}),
        "unknown version ready": ("GET", "/v2/models/photos/versions/9/ready", None, {}),
        "ready": ("GET", "/v2/models/photos/ready", None, {}),
        "version of letters": ("GET", "/v2/models/photos/versions/a", None, {}),
        "unknown version": ("POST", "/v2/models/photos/versions/9/infer", plain, {}),
        "wrong name": ("POST", INFER, asking(tensor(name="pictures")), {}),
        "wrong type": ("POST", INFER, asking(tensor(datatype="FP64")), {}),
        "unknown type": ("POST", INFER, asking(tensor(datatype="FP23")), {}),
        "wrong shape": ("POST", INFER, asking(tensor(shape=[1, 8, 8, 1], data=[1] * 64)), {}),
        "flat shape": ("POST", INFER, asking(tensor(shape=[192])), {}),
        "negative shape": ("POST", INFER, asking(tensor(shape=[-1, 8, 8, 3])), {}),
        "shape of text": ("POST", INFER, asking(tensor(shape="1883")), {}),
        "no shape": ("POST", INFER, asking(tensor(shape=None)), {}),
        "no data": ("POST", INFER, asking(tensor(data=None)), {}),
        "too few numbers": ("POST", INFER, asking(tensor(data=[1.0] * 191)), {}),
        "too many numbers": ("POST", INFER, asking(tensor(data=[1.0] * 193)), {}),
        "numbers of text": ("POST", INFER, asking(tensor(data=["a"] * 192)), {}),
        "too many pictures": (
            "POST",
            INFER,
            *in_bytes(768 * 65, 768 * 65, shape=[65, 8, 8, 3]),
        ),
        "no input": ("POST", INFER, asking(), {}),
        "two inputs": ("POST", INFER, asking(tensor(), tensor(name="more")), {}),
        "unknown output": ("POST", INFER, asking(tensor(), outputs=[{"name": "x"}]), {}),
        "no JSON": ("POST", INFER, b"hello", {}),
        "empty": ("POST", INFER, b"", {}),
        "a list": ("POST", INFER, b"[]", {}),
        "too few bytes": ("POST", INFER, *in_bytes(count=700)),
        "wrong number of bytes": ("POST", INFER, *in_bytes(size=700, count=700)),
        "head beyond the end": (
            "POST",
            INFER,
            plain,
            {"Inference-Header-Content-Length": "9999999"},
        ),
        "head of text": ("POST", INFER, plain, {"Inference-Header-Content-Length": "a"}),
    }
    return found


def ask_triton(port=18_000):
    """Start a Triton with such a network, and return its status for each case."""
    import numpy as np
    from pytriton.decorators import batch
    from pytriton.model_config import ModelConfig, Tensor
    from pytriton.triton import Triton, TritonConfig, TritonSecurityConfig

    @batch
    def infer(images):
        return {"logits": images.mean(axis=(1, 2)) @ np.eye(3, dtype="float32")}

    here = {"http_address": "127.0.0.1", "grpc_address": "127.0.0.1"}
    ports = {"http_port": port, "grpc_port": port + 1, "metrics_port": port + 2}
    found = {}
    everybody = TritonSecurityConfig(restricted_endpoints=[])  # may unload
    with Triton(config=TritonConfig(**here, **ports), security_config=everybody) as triton:
        triton.bind(
            model_name="photos",
            infer_func=infer,
            inputs=[Tensor(name="images", dtype=np.float32, shape=(8, 8, 3))],
            outputs=[Tensor(name="logits", dtype=np.float32, shape=(3,))],
            config=ModelConfig(max_batch_size=64),
        )
        triton.run()
        unload = {"unload": ("POST", "/v2/repository/models/photos/unload", b"", {})}
        every = cases() | unload | cases_unloaded()
        for name, (method, path, body, headers) in every.items():
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            found[name] = response.status
            print(f"{name}: {response.status} {response.read()[:150]!r}")
            connection.close()
            time.sleep(5 * (name == "unload"))  # it answers before that is done
    return found


if __name__ == "__main__":
    ANSWERS.write_text(json.dumps(ask_triton(), indent=1) + "\n")
