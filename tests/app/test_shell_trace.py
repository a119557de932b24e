"""The reasoning as text: stages, tokens, plain words, and a view that does not run away from the reader."""

from __future__ import annotations

import re

import pytest
from pytestqt.qtbot import QtBot

from app.panels.trace_text import ANSWER, TokenText, pieces, told
from app.panels.trace_view import TraceView
from engine.reasoning.trace import Token
from tests.app.script import TEXT


def tokens(text: str) -> list[Token]:
    """Four letters each."""
    return [Token(part, 0.5) for part in re.findall(r"(?s).{1,4}", text)]


def shown(view: TraceView) -> str:
    """What stands in the view."""
    return view.toPlainText()


def test_a_whole_reply_is_four_numbered_stages_and_the_answer() -> None:
    """Tags are not shown, stage names become headings."""
    found = pieces(TEXT, complete=True)
    headings = [piece.text for piece in found if piece.kind == "stage"]
    assert headings == ["1  observe", "2  locate", "3  zoom", "4  conclude", ANSWER]
    assert found[1].text == "An axial slice through the chest."
    assert found[-1].text == "mass"


def test_every_shown_letter_is_where_the_model_wrote_it() -> None:
    """`start` is true, so that a letter leads to its token."""
    for piece in pieces(TEXT, complete=True):
        if piece.kind == "text":
            assert TEXT[piece.start : piece.start + len(piece.text)] == piece.text


def test_what_is_shown_never_shrinks_while_it_streams() -> None:
    """No flicker: each state begins with the former one's text, half-written tags and stage names wait."""
    before = ""
    for end in range(len(TEXT) + 1):
        now = "\n".join(piece.text for piece in pieces(TEXT[:end], complete=False))
        assert now.startswith(before), f"{before!r} became {now!r}"
        before = now
    assert "<" not in before


def test_a_reply_without_stages_is_shown_as_it_is() -> None:
    """A model of another school."""
    found = pieces("The lung is clear.\n\nSo it is normal.", complete=True)
    assert [(piece.kind, piece.text) for piece in found] == [
        ("text", "The lung is clear."),
        ("text", "So it is normal."),
    ]


def test_the_token_of_a_letter_is_found() -> None:
    """At borders too, and nowhere outside."""
    text = TokenText()
    for token in (Token("ab", 0.1), Token("", 0.2), Token("c", 0.3)):
        text.add(token)
    assert [text.token_at(i).p for i in range(3) if text.token_at(i)] == [0.1, 0.1, 0.3]  # type: ignore[union-attr]
    assert text.token_at(3) is None
    assert text.token_at(-1) is None


def test_a_token_tells_its_probability_and_what_else_was_likely() -> None:
    """In words."""
    text = told(Token(" mass", 0.87, ((" mass", 0.87), (" node", 0.1))))
    assert text == "“mass” p = 0.870 · entropy 0.66 bits or more\n0.870  mass  ◂\n0.100  node"


def test_streaming_shows_the_same_as_the_whole(qtbot: QtBot) -> None:
    """Appending bit by bit ends where showing at once does."""
    at_once, by_bits = TraceView(), TraceView()
    for view in (at_once, by_bits):
        qtbot.addWidget(view)
    for token in tokens(TEXT):
        at_once.add(token)
        by_bits.add(token)
        by_bits.paint_now()
    at_once.finish()
    by_bits.finish()
    assert shown(by_bits) == shown(at_once)
    assert "1  observe\nAn axial slice through the chest.\n2  locate" in shown(by_bits)


def test_many_tokens_are_painted_in_few_batches(qtbot: QtBot) -> None:
    """At most 30 times a second, however fast they come."""
    view = TraceView()
    qtbot.addWidget(view)
    for token in tokens(TEXT):
        view.add(token)
    assert view.painted == 0
    qtbot.waitUntil(lambda: view.painted == 1, timeout=1000)
    qtbot.wait(100)
    assert view.painted == 1


@pytest.mark.parametrize("text", ["<b>bold</b> & <img src=x>", "<script>alert(1)</script>", "a < b > c &amp;"])
def test_markup_in_the_models_words_stays_words(qtbot: QtBot, text: str) -> None:
    """Nothing that the model writes is interpreted."""
    view = TraceView()
    qtbot.addWidget(view)
    view.add(Token(text, 0.5))
    view.finish()
    assert shown(view) == text


def test_the_view_follows_only_a_reader_who_is_at_the_bottom(qtbot: QtBot) -> None:
    """Who scrolls up to read stays there."""
    view = TraceView()
    qtbot.addWidget(view)
    view.resize(300, 100)
    view.show()

    def write(lines: int) -> None:
        for number in range(lines):
            view.add(Token(f"line {number}\n", 0.5))
        view.paint_now()
        qtbot.wait(10)

    write(40)
    bar = view.verticalScrollBar()
    assert bar.value() == bar.maximum() > 0
    bar.setValue(10)
    write(40)
    assert bar.value() == 10
    bar.setValue(bar.maximum())
    write(10)
    assert bar.value() == bar.maximum()


def test_a_letter_of_the_view_leads_to_its_token(qtbot: QtBot) -> None:
    """The tooltip's way."""
    view = TraceView()
    qtbot.addWidget(view)
    for token in tokens(TEXT):
        view.add(token)
    view.finish()
    at = shown(view).index("spiculated")
    found = view.token_under(at)
    assert found is not None
    assert found.text in TEXT
    assert "s" in found.text
    assert view.token_under(0) is None  # a heading is nobody's token
