"""Undo by value: every commit can be taken back and done again, a drag is one step, an abort leaves nothing."""

from __future__ import annotations

from engine.ct.geometry import Box
from engine.reading.document import Document
from engine.reading.model import Reading, Roi


def _reading(*names: str) -> Reading:
    return Reading(rois=tuple(Roi(name, Box((0, 0, 0), (1, 1, 1)), name) for name in names))


def test_undo_and_redo_give_back_the_very_values() -> None:
    document, one, two = Document(), _reading("a"), _reading("a", "b")
    document.commit("Draw ROI", one)
    document.commit("Draw ROI again", two)
    document.undo()
    assert document.reading is one
    assert (document.undo_label, document.redo_label) == ("Draw ROI", "Draw ROI again")
    document.redo()
    assert document.reading is two


def test_a_drag_is_one_undo_step() -> None:
    document = Document()
    start = document.reading
    for name in "abc":
        document.preview(_reading(name))
    document.commit("Move ROI", _reading("c"))
    document.undo()
    assert document.reading is start


def test_abort_and_undo_while_dragging_only_drop_the_drag() -> None:
    document, kept = Document(), _reading("a")
    document.commit("Draw ROI", kept)
    for drop in (document.abort, document.undo):
        document.preview(_reading("b"))
        drop()
        assert document.reading is kept
        assert document.undo_label == "Draw ROI"


def test_a_commit_after_undo_drops_what_could_be_redone() -> None:
    document = Document()
    document.commit("One", _reading("a"))
    document.undo()
    document.commit("Two", _reading("b"))
    assert document.redo_label == ""


def test_listeners_hear_old_and_new_and_nothing_when_nothing_changed() -> None:
    document, heard = Document(), []
    end = document.subscribe(lambda old, new: heard.append((old, new)))
    before, after = document.reading, _reading("a")
    document.commit("Draw ROI", after)
    document.commit("Draw ROI", _reading("a"))
    document.undo()
    end()
    document.redo()
    assert heard == [(before, after), (after, before)]


def test_every_commit_undo_and_redo_is_handed_to_the_session() -> None:
    document, saved = Document(), []
    document.on_commit = lambda label, reading: saved.append((label, len(reading.rois)))
    document.preview(_reading("x"))
    document.commit("Draw ROI", _reading("a"))
    document.undo()
    document.redo()
    assert saved == [("Draw ROI", 1), ("Undo Draw ROI", 0), ("Redo Draw ROI", 1)]
