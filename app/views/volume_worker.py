"""The thread that makes the 3D pane's pictures: copies are built, rays are cast, nothing of it blocks the window.

Only the newest picture wanted counts: a slow one that is under way is dropped for it. The thread holds no QObject; the
pane asks for what is done.
"""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from app import faults
from app.show3d import ShownMask
from app.views.shot import Shot
from app.views.volume_data import Small, shrink_steps
from engine.ct.volume import Volume

if TYPE_CHECKING:
    from app.views.volume_scene import Pixels, VolumeScene

TURN_S = 0.045  # a picture while turning may take this long; painting and waiting come on top
_FIRST_RATE = 3e-6  # s a ray, before anything was measured
_LEAST_PIXELS, _MOST_SCALE = 8_000, 6.0


@dataclass(frozen=True)
class Drawn:
    """A finished picture and what it shows; `seconds` is how long it took."""

    shot: Shot
    pixels: Pixels
    seconds: float


@dataclass(frozen=True)
class Built:
    """A copy of the scan that can now be shown; `whole` says that no finer one comes."""

    small: Small
    whole: bool


@dataclass(frozen=True)
class Broken:
    """3D cannot be shown here."""

    why: str


@dataclass(frozen=True)
class Surfaced:
    """That share of the masks' surfaces is there."""

    share: float


Result = Drawn | Built | Broken | Surfaced
Work = Callable[["VolumeScene"], Iterable[object]]


class VolumeWorker:
    """One volume's thread. `want` the newest picture, `do` work on the scene in steps, `take` what is done."""

    def __init__(self, volume: Volume) -> None:
        self._geometry = volume.geometry
        self._steps: Iterator[object] | None = None
        self._changed = threading.Condition()
        self._wanted: Shot | None = None
        self._work: list[Work] = [partial(self._build, volume)]  # the volume goes with it
        self._abort = threading.Event()
        self._stop = threading.Event()
        self._hold = 0.0
        self._urgent = False  # the picture under way is one that is finished in any case
        self._rate = _FIRST_RATE
        self._done: queue.SimpleQueue[Result] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="loupe 3D", daemon=True)
        self._thread.start()

    def want(self, shot: Shot) -> None:
        """Make this picture next."""
        with self._changed:
            self._wanted = shot
            if not self._urgent:
                self._abort.set()
            self._changed.notify()

    def drop(self) -> None:
        """Leave a slow picture that is under way or waits: the processor is needed elsewhere."""
        with self._changed:
            self._wanted = None
            if not self._urgent:
                self._abort.set()

    def surface(self, masks: tuple[ShownMask, ...]) -> None:
        """Build the surfaces of these masks between the pictures."""

        def work(scene: VolumeScene) -> Iterator[None]:
            for share in scene.build(masks, self._geometry):
                self._done.put(Surfaced(share))
                yield
            self._done.put(Surfaced(1.0))

        with self._changed:
            self._work.append(work)
            self._changed.notify()

    def hold(self, seconds: float) -> None:
        """Build nothing for that long: the reader scrolls next door."""
        self._hold = time.monotonic() + seconds

    def take(self) -> Iterator[Result]:
        """What was done since."""
        while True:
            try:
                yield self._done.get_nowait()
            except queue.Empty:
                return

    @property
    def running(self) -> bool:
        """Whether its thread still works."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """End soon; returns at once."""
        with self._changed:
            self._stop.set()
            self._abort.set()
            self._changed.notify()

    def join(self) -> None:
        """Wait for the end: as long as a step of building takes, at most."""
        self._thread.join(5.0)

    # In the thread

    def _run(self) -> None:
        scene: VolumeScene | None = None
        try:
            from app.views.volume_scene import VolumeScene

            scene = VolumeScene(self._abort.is_set)
            while not self._stop.is_set():
                self._turn(scene)
        except Exception as error:  # whatever it is, the pane must say so and not wait for ever
            faults.record(error)
            why = f"3D cannot be shown here ({type(error).__name__}); the three planes are complete without it."
            self._done.put(Broken(why))
        finally:
            self._steps = None  # a thread that has ended holds no volume, whoever holds the thread
            self._work.clear()
            if scene is not None:
                scene.close()

    def _turn(self, scene: VolumeScene) -> None:
        """One picture, or else one step of work, or else wait."""
        with self._changed:
            shot = self._wanted if scene.ready else None
            if shot is not None:
                self._wanted, self._urgent = None, shot.turning
                self._abort.clear()
            elif not self._pending():
                self._changed.wait()
                return
        if shot is not None:
            self._draw(scene, shot)
        elif time.monotonic() < self._hold:
            time.sleep(0.02)
        else:
            self._step(scene)

    def _pending(self) -> bool:
        return self._stop.is_set() or bool(self._work) or self._steps is not None

    def _draw(self, scene: VolumeScene, shot: Shot) -> None:
        if shot.turning:
            shot = replace(shot, scale=self._scale(shot))
        start = time.perf_counter()
        pixels = scene.render(shot)
        seconds = time.perf_counter() - start
        if shot.turning:
            self._rate = 0.5 * self._rate + 0.5 * seconds / (shot.width * shot.height / shot.scale**2)
        if pixels is not None:
            self._done.put(Drawn(shot, pixels, seconds))

    def _scale(self, shot: Shot) -> float:
        """Screen px a pixel, so that the picture takes TURN_S as the last ones did."""
        pixels = max(TURN_S / self._rate, _LEAST_PIXELS)
        return min(max(math.sqrt(shot.width * shot.height / pixels), 1.0), _MOST_SCALE)

    def _step(self, scene: VolumeScene) -> None:
        if self._steps is None:
            with self._changed:
                work = self._work.pop(0)
            self._steps = iter(work(scene))
        try:
            next(self._steps)
        except StopIteration:
            self._steps = None

    def _build(self, volume: Volume, scene: VolumeScene) -> Iterator[None]:
        finest: Small | None = None
        for small in shrink_steps(volume):
            if small is not None:
                finest = small
                scene.put(small)
                self._done.put(Built(small, False))
            yield
        if finest is not None:
            self._done.put(Built(finest, True))


def end_all(workers: list[VolumeWorker]) -> None:
    """Stop all of them, wait, and forget them."""
    for worker in workers:
        worker.stop()
    while workers:
        workers.pop().join()
