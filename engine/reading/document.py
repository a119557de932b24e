"""The current Reading with undo and redo by value, and one signal: changed(old, new).

A drag calls `preview` for every move and `commit` at its end: one undo step. `abort` puts back what was there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.reading.model import Reading

Listener = Callable[[Reading, Reading], None]
CommitHook = Callable[[str, Reading], None]


@dataclass(frozen=True)
class _Entry:
    label: str
    before: Reading
    after: Reading


class Document:
    """Holds one Reading. `on_commit(label, reading)` follows every commit, undo and redo: the session saves there."""

    def __init__(self, reading: Reading | None = None) -> None:
        self._committed = reading or Reading()
        self._shown = self._committed
        self._done: list[_Entry] = []
        self._undone: list[_Entry] = []
        self._listeners: list[Listener] = []
        self.on_commit: CommitHook = lambda label, reading: None

    @property
    def reading(self) -> Reading:
        """What is shown: the committed reading, or the preview of a drag."""
        return self._shown

    @property
    def committed(self) -> Reading:
        """The reading without any preview."""
        return self._committed

    @property
    def previewing(self) -> bool:
        """Whether a drag is under way."""
        return self._shown is not self._committed

    @property
    def undo_label(self) -> str:
        """What undo would take back; "" if nothing."""
        return self._done[-1].label if self._done else ""

    @property
    def redo_label(self) -> str:
        """What redo would do again; "" if nothing."""
        return self._undone[-1].label if self._undone else ""

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener(old, new)` on every change; returns the function that ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def preview(self, reading: Reading) -> None:
        """Show a reading without committing it (while dragging)."""
        self._show(reading)

    def abort(self) -> None:
        """Drop the preview."""
        self._show(self._committed)

    def commit(self, label: str, reading: Reading) -> None:
        """Make a reading the current one, as one undo step; an equal reading only ends the preview."""
        if reading == self._committed:
            self.abort()
            return
        self._done.append(_Entry(label, self._committed, reading))
        self._undone.clear()
        self._settle(label, reading)

    def undo(self) -> None:
        """Take back the last commit; while a drag is under way, only that drag."""
        if self.previewing or not self._done:
            self.abort()
            return
        entry = self._done.pop()
        self._undone.append(entry)
        self._settle(f"Undo {entry.label}", entry.before)

    def redo(self) -> None:
        """Do the last undone commit again."""
        if self.previewing or not self._undone:
            return
        entry = self._undone.pop()
        self._done.append(entry)
        self._settle(f"Redo {entry.label}", entry.after)

    def replace(self, reading: Reading) -> None:
        """Start over with another series' reading: history is dropped, nothing is saved."""
        self._done.clear()
        self._undone.clear()
        self._committed = reading
        self._show(reading)

    def _settle(self, label: str, reading: Reading) -> None:
        self._committed = reading
        self.on_commit(label, reading)
        self._show(reading)

    def _show(self, reading: Reading) -> None:
        old, self._shown = self._shown, reading
        if old is not reading:
            for listener in tuple(self._listeners):
                listener(old, reading)
