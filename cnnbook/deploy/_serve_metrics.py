"""What a server has done, counted for Prometheus."""


class Metrics:
    """Counts requests for Prometheus; it is used by one thread, that of the event loop."""

    BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

    def __init__(self) -> None:
        self.requests: dict[tuple[str, str, int], int] = {}
        self.seconds: dict[tuple[str, str], list[float]] = {}

    def note(self, what: str, network: str, status: int, seconds: float) -> None:
        """Count one request; of those to a network also the time."""
        key = what, network, status
        self.requests[key] = self.requests.get(key, 0) + 1
        if not network:
            return
        times = self.seconds.setdefault(key[:2], [0.0] * (len(self.BUCKETS) + 2))
        for place, limit in enumerate(self.BUCKETS):
            times[place] += seconds <= limit
        times[-2] += 1
        times[-1] += seconds

    def text(self, inside: int, versions: dict[str, str]) -> str:
        """Write all counts in Prometheus' format."""
        name = "cnnbook_requests_total"
        lines = [f"# HELP {name} Requests that were answered.", f"# TYPE {name} counter"]
        for (what, network, status), count in self.requests.items():
            labels = f'what="{what}",network="{network}",status="{status}"'
            lines.append(f"{name}{{{labels}}} {count}")
        name = "cnnbook_request_seconds"
        lines += [f"# HELP {name} From the head to the answer.", f"# TYPE {name} histogram"]
        for (what, network), times in self.seconds.items():
            labels = f'what="{what}",network="{network}"'
            for limit, below in zip([*self.BUCKETS, "+Inf"], times, strict=False):
                lines.append(f'{name}_bucket{{{labels},le="{limit}"}} {below:.0f}')
            lines.append(f"{name}_sum{{{labels}}} {times[-1]:.6f}")
            lines.append(f"{name}_count{{{labels}}} {times[-2]:.0f}")
        gauge = "cnnbook_requests_in_progress"
        lines += [f"# HELP {gauge} Requests that compute or wait for it.", f"# TYPE {gauge} gauge"]
        lines.append(f"{gauge} {inside}")
        gauge = "cnnbook_network_info"
        lines += [f"# HELP {gauge} The version of each that is ready.", f"# TYPE {gauge} gauge"]
        for network, version in versions.items():
            lines.append(f'{gauge}{{network="{network}",version="{version}"}} 1')
        return "\n".join(lines) + "\n"
