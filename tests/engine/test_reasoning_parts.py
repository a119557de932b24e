"""Where the parts of a reply stand, whatever stands before them and wherever the thinking does."""

from __future__ import annotations

from engine.reasoning.chunks import Piece, ServedReply
from engine.reasoning.claims import Facts, with_claims
from engine.reasoning.render import as_text
from engine.reasoning.reply import Reply
from engine.reasoning.text import TextStream
from engine.reasoning.trace import Answer, Claim, Token

AFTER = (
    "<answer>mass</answer>\n<think>\nObserve: It lies in the left lung.\nLocate: At the pleura.\n"
    "Zoom: It is round.\nConclude: So it is.\n</think>"
)


def _reply(text: str) -> Reply:
    reply = Reply(TextStream(lambda ids: "".join(map(chr, ids))))
    for character in text:
        reply.add(ord(character), 1.0)
    reply.finish()
    return reply


def test_a_step_is_found_in_the_think_part_although_the_same_words_stand_before_it() -> None:
    text = "A mass.\n<think>A mass.</think>\n<answer>mass</answer>"
    _, steps = _reply(text).parts()
    assert steps == [list(range(text.index("<think>") + 7, text.index("</think>")))]


def test_the_span_of_a_statement_made_after_the_answer_points_at_its_words() -> None:
    events = [Token(AFTER, 1.0), Answer("mass", "mass", 1.0)]
    for live in (False, True):
        found = [each for each in with_claims(events, Facts(side="left"), live=live) if isinstance(each, Claim)]
        assert [AFTER[slice(*each.span)] for each in found] == [each.text for each in found] != []


def test_a_server_that_thinks_after_its_answer_as_asked_is_well_formed() -> None:
    for think, well_formed in (("after", True), ("before", False)):
        reply = ServedReply(0, think)
        for _ in (*reply.add(Piece(AFTER)), *reply.finish("stop")):
            pass
        assert reply.answer(("mass",)).well_formed is well_formed


def test_a_sample_whose_probability_is_not_known_is_not_printed_as_impossible() -> None:
    assert "%" not in str(as_text(Answer("mass", "mass", 0.0, sample=1)))
