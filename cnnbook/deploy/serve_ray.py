"""How does the same server answer on several machines? In replicas, which Ray Serve keeps alive.

Source: https://docs.ray.io, "Ray Serve". Nothing in the server changes; Ray's own HTTP stands
before it and shares out requests. Networks are not replaced while it runs, for a request reaches
one replica only: start it anew with other files.
"""

import signal
import threading
from collections.abc import Callable

from starlette.applications import Starlette

from cnnbook._checks import checked
from cnnbook.deploy._serve_door import require_safe_host
from cnnbook.deploy._serve_http import DRAIN_SECONDS
from cnnbook.deploy._serve_work import MAX_INSIDE


@checked
def run_on_ray(
    make: Callable,
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    replicas: int = 2,
    insecure: bool = False,
) -> None:
    """Serve until a signal comes; who has asked by then gets his answer.

    It joins the cluster that RAY_ADDRESS names, else it starts one on this machine.

    Args:
        make: A function without arguments that returns an app of `make_app`; each replica calls it.
        host: As for `run_app`, on each machine of the cluster.
        port: To listen on, 1 to 65,535.
        replicas: How many, 1 to 1,000; each takes one core.
        insecure: As for `run_app`.

    Raises:
        ImportError: If Ray is missing.
        ValueError: If an argument is outside what is said above.
        OSError: If a file of a network is not there, or is no network.
    """
    app = make()  # what is wrong with it shows here, and not in a log of a replica
    require_safe_host(host, getattr(getattr(app, "state", None), "has_token", False), insecure)
    if not 1 <= port <= 65_535 or not 1 <= replicas <= 1_000:
        rule = "`port` must be 1 to 65,535, `replicas` 1 to 1,000; got"
        raise ValueError(f"{rule} {port} and {replicas}.")
    try:
        import ray
        from ray import serve
    except ImportError as error:
        raise ImportError("run_on_ray needs Ray: pip install 'ray[serve]'.") from error

    def make_fixed() -> Starlette:
        replica: Starlette = make()
        replica.state.answers.is_fixed = True
        return replica

    @serve.deployment(
        num_replicas=replicas,
        max_ongoing_requests=MAX_INSIDE,
        graceful_shutdown_timeout_s=DRAIN_SECONDS,
        ray_actor_options={"num_cpus": 1},
    )
    @serve.ingress(make_fixed)
    class Replica:
        """One of the servers."""

    stopped = threading.Event()
    before = {}
    try:
        ray.init(include_dashboard=False, log_to_driver=False)
        serve.start(http_options={"host": host, "port": port})
        serve.run(Replica.bind(), route_prefix="/")  # type: ignore[attr-defined]
        for number in (signal.SIGINT, signal.SIGTERM):  # only now: Ray sets its own when it starts
            before[number] = signal.signal(number, lambda *_: stopped.set())
        print(f"Serving on http://{host}:{port}/ (Ctrl-C stops it)", flush=True)
        stopped.wait()
        serve.delete("default")  # waits for those that are being answered; a shutdown would not
    finally:
        serve.shutdown()
        ray.shutdown()
        for number, handler in before.items():
            signal.signal(number, handler)
