"""`main.py bench`: timings as medians, each beside a peer in the same run; every group in a process of its own."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

# The group's rows begin with these names; the module prints one JSON row a line.
GROUPS: dict[str, tuple[str, ...]] = {
    "engine.bench.load": ("load",),
    "engine.bench.codecs": ("load.j2k", "load.jpegls"),
    "engine.bench.stream": ("stream", "stop", "causal"),
    "app.bench": ("scroll", "window", "rois", "start", "idle"),
    "training.bench": ("synthetic",),
}


@dataclass(frozen=True)
class Row:
    """One figure: its value in `unit`, the peer's in the same unit (peer "" where there is none), n runs."""

    name: str
    value: float
    unit: str
    peer: str = ""
    peer_value: float | None = None
    n: int = 1

    def tell(self) -> None:
        """The row as a JSON line on stdout."""
        sys.stdout.write(json.dumps(asdict(self)) + "\n")
        sys.stdout.flush()


def median_seconds(work: Callable[[], object], runs: int = 5, warm: int = 1) -> float:
    """Median wall time of a call in seconds, after `warm` calls that do not count."""
    for _ in range(warm):
        work()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def run_groups(only: str = "") -> list[dict[str, Any]]:
    """All rows, or those whose name begins with `only`. A group that fails says so on stderr and gives no rows."""
    rows: list[dict[str, Any]] = []
    for module, names in GROUPS.items():
        if only and not any(name.startswith(only) or only.startswith(name) for name in names):
            continue
        sys.stderr.write(f"measuring {', '.join(names)} …\n")
        done = subprocess.run([sys.executable, "-m", module], stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            sys.stderr.write(f"The measurements of {', '.join(names)} ended early (exit {done.returncode}).\n")
        rows += [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return [row for row in rows if row["name"].startswith(only)]
