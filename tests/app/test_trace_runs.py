"""A trace run by run: tints, signs of statements, verdicts, folded steps, letters as Qt counts them."""

from __future__ import annotations

import pytest

from app.panels.trace_runs import Line, Lines, claim_text, harmless, points, shade_of, units
from app.panels.trace_text import ANSWER_STEP, TokenText, pieces, seen
from engine.reading.model import StepVerdict
from engine.reasoning.trace import Claim, Token

TEXT = (
    "<think>\nObserve: a slice.\nLocate: in the left lung.\nZoom: about 24 mm wide.\nConclude: a nodule.\n</think>\n"
    "<answer>nodule</answer>"
)


def told(text: str, size: int = 7) -> TokenText:
    """The text as tokens of some letters each."""
    made = TokenText()
    for start in range(0, len(text), size):
        made.add(Token(text[start : start + size], 0.5))
    return made


def lines(made: Lines, text: str = TEXT) -> list[Line]:
    """As it is shown once all is there."""
    tokens = told(text)
    return made.of(pieces(tokens.raw, complete=True), tokens)


def claim(words: str, ok: bool | None) -> Claim:
    """A statement about the text."""
    start = TEXT.index(words)
    return Claim(words, "diameter", 24.0, 30.9, ok, (start, start + len(words)))


def test_steps_are_numbered_as_the_saved_trace_numbers_them() -> None:
    found = [(piece.kind, piece.step) for piece in pieces(TEXT, complete=True)]
    assert found == [(kind, step) for step in (0, 1, 2, 3, ANSWER_STEP) for kind in ("stage", "text")]
    plain = pieces("It is clear.\nSo it is normal.\n<answer>normal", complete=True)
    assert [piece.step for piece in plain] == [0, 1, ANSWER_STEP, ANSWER_STEP]


@pytest.mark.parametrize(("ok", "sign"), [(True, "✓"), (False, "✗"), (None, "?")])
def test_a_judged_statement_has_a_sign_and_not_only_a_colour(ok: bool | None, sign: str) -> None:
    made = Lines()
    made.claims = [claim("24 mm", ok)]
    shown = next(line for line in lines(made) if "24" in line.text)
    assert f"24 mm\u202f{sign} wide" in shown.text
    assert {run.claim for run in shown.runs if run.lined} == {0}
    assert "".join(run.text for run in shown.runs if run.start >= 0) == "about 24 mm wide."


def test_the_less_certain_a_token_the_stronger_its_tint() -> None:
    sure, torn = Token("a", 0.999, (("a", 0.999),)), Token("b", 0.4, (("b", 0.4), ("c", 0.35)))
    assert shade_of(sure, "probability") == 0 < shade_of(torn, "probability") < shade_of(Token("c", 0.1), "probability")
    assert 0 <= shade_of(sure, "entropy") < shade_of(torn, "entropy")
    assert shade_of(torn, "none") == shade_of(Token("d", 0.0), "probability") == 0  # 0: nobody told it


def test_a_folded_step_keeps_its_heading() -> None:
    made = Lines()
    made.folded = {2}
    shown = [line.text for line in lines(made)]
    assert "3  zoom  …" in shown
    assert not any("24 mm" in text for text in shown)


def test_the_readers_words_stand_below_the_step_they_correct() -> None:
    made = Lines()
    made.verdicts = {2: StepVerdict("v", "r", "t", 2, "corrected", "31 mm."), 0: StepVerdict("w", "r", "t", 0, "right")}
    shown = [line.text for line in lines(made)]
    assert shown[0] == "1  observe   ✓ right"
    assert shown[shown.index("about 24 mm wide.") + 1] == "✎ 31 mm."


HOSTILE = "a\u2029b\rc\ufdd0d\ufffce\ud800f\x00g 👩‍⚕️ e\u0301 \u202eمرحبا\u202c <b>&amp;</b>\x85end"


def test_no_letter_means_anything_to_qts_documents() -> None:
    kept = harmless(HOSTILE)
    assert len(kept) == len(HOSTILE)
    assert not set("\u2029\u2028\r\n\ufdd0\ufffc\ud800\x00\x85") & set(kept)
    assert "<b>&amp;</b>" in kept


def test_places_count_as_qt_does() -> None:
    text = "a👩b"
    assert (units(text), units("abc")) == (4, 3)
    assert [points(text, place) for place in range(4)] == [0, 1, 1, 2]


def test_long_text_is_cut_into_paragraphs_that_lose_nothing() -> None:
    for text in ("word " * 500, "x" * 2000, "e\u0301" * 1000):
        found = pieces(text.strip(), complete=True)
        assert "".join(piece.text for piece in found) == text.strip()
        assert all(len(piece.text) <= 620 for piece in found)
        assert not any(piece.text.startswith("\u0301") for piece in found)


def test_the_least_certain_tokens_say_something() -> None:
    tokens = TokenText()
    for text, p in (("<think>", 0.01), (" mass", 0.4), (",", 0.1), (" node", 0.3), ("\n", 0.02), (" left", 0.9)):
        tokens.add(Token(text, p))
    assert [token.text for _, token in tokens.least_certain(2)] == [" node", " mass"]


def test_both_numbers_are_told() -> None:
    assert claim_text(claim("24 mm", False), lambda kind: "mm") == "✗ false: said 24 mm, measured 30.9 mm"
    assert seen("\n") == "⏎"
