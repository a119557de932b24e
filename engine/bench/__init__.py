"""`main.py bench`: timings as medians, each beside a peer in the same run; every group in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from engine.ct.errors import InputError

GROUP_S = 400.0  # seconds after which a group is taken for hung
SCREEN = "1920x1080x24"
XVFB = ("xvfb-run", "-a", "-s", f"-screen 0 {SCREEN}")


@dataclass(frozen=True)
class Group:
    """A module that prints one JSON row a line, the rows that it must give, and whether it opens the window."""

    module: str
    rows: tuple[str, ...]
    window: bool = False

    def wanted(self, only: str) -> bool:
        """Whether any of its rows was asked for by the beginning of its name."""
        return any(row.startswith(only) for row in self.rows)


GROUPS: tuple[Group, ...] = (
    Group("engine.bench.load", ("load.first_image", "load.volume", "load.volume_bytes", "load.volume_read")),
    Group("engine.bench.codecs", ("load.j2k", "load.j2k_first", "load.jpegls", "load.jpegls_first")),
    Group("app.bench_start", ("start.window", "start.first_image", "idle.memory"), window=True),
    Group("app.bench_memory", ("load.memory", "load.memory_3d", "leak.open_200"), window=True),
    Group(
        "app.bench",
        ("scroll.mpr_p95", "scroll.painted_share", "scroll.single", "scroll.single_p95", "window.p95", "rois.500"),
        window=True,
    ),
    Group("app.bench_planes", ("scroll.slab", "scroll.oblique"), window=True),
    Group(
        "app.bench_volume",
        ("volume.turn_p95", "volume.turn", "volume.turn_full_p95", "volume.turn_full"),
        window=True,
    ),
    Group("app.bench_trace", ("trace.scroll_p95", "trace.frame_p95"), window=True),
    Group("app.bench_generating", ("scroll.while_generating", "scroll.while_sampling"), window=True),
    Group(
        "engine.bench.stream",
        ("stream.overhead", "stream.first_token", "stream.tokens_per_s", "stop.latency", "causal.time"),
    ),
    Group(
        "engine.bench.samples",
        ("stream.samples_8", "stop.samples_8", "decided.time", "attention.time", "leak.traces_500"),
    ),
    Group("training.bench", ("synthetic.rate",)),
    Group("training.bench_grpo", ("grpo.step",)),
)


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


def chosen(only: str) -> list[Group]:
    """The groups of which a row begins with `only`; InputError names the choices where there is none."""
    found = [group for group in GROUPS if group.wanted(only)]
    if not found:
        names = dict.fromkeys(row.partition(".")[0] for group in GROUPS for row in group.rows)
        raise InputError(f"There is no measurement {only!r}; choose one that begins with {', '.join(names)}.")
    return found


def run_groups(groups: list[Group], only: str, failed: list[str]) -> Iterator[dict[str, Any]]:
    """The rows whose name begins with `only`, as they come; `failed` takes each group that did not give all its rows.

    A group that fails says so on stderr, and the others run all the same.
    """
    if any(group.window for group in groups):
        sys.stderr.write(f"The window is measured {'under Xvfb' if has_xvfb() else 'offscreen, for Xvfb is absent'}.\n")
    for group in groups:
        sys.stderr.write(f"measuring {', '.join(group.rows)} …\n")
        lines, why = _run(group)
        rows = [json.loads(line) for line in lines if line.startswith("{")]
        missing = [name for name in group.rows if name not in {row["name"] for row in rows}]
        if missing or why:
            failed.append(group.module)
            sys.stderr.write(f"{group.module} {why or 'ended'} without {', '.join(missing) or 'fault in its rows'}.\n")
        yield from (row for row in rows if row["name"].startswith(only))


def has_xvfb() -> bool:
    """Whether the window can be measured on a display of its own."""
    return shutil.which(XVFB[0]) is not None


def _run(group: Group) -> tuple[list[str], str]:
    """A group's lines on stdout, and why it ended early or ""."""
    command, environment = [sys.executable, "-m", group.module], dict(os.environ)
    if group.window:
        environment["QT_QPA_PLATFORM"] = "xcb" if has_xvfb() else "offscreen"
        command = [*XVFB, *command] if has_xvfb() else command
    # A session of its own: what hangs is ended with all its children, the display among them.
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=environment, start_new_session=True
    ) as process:
        try:
            out, _ = process.communicate(timeout=GROUP_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, _ = process.communicate()
            return out.splitlines(), f"was stopped after {GROUP_S:.0f} s"
    return out.splitlines(), f"ended early (exit {process.returncode})" if process.returncode else ""
