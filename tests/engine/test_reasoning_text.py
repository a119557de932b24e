"""Ids to text piece by piece, steps as they become complete, and how a reply is spelt for every option."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import tiny

from engine.reasoning.prompt import STAGES, Step, parse, reply
from engine.reasoning.reply import Reply, common_length, shares
from engine.reasoning.text import StepWatch, TextStream, answer_span

WHOLE = reply({stage: f"the {stage} part, 12 mm." for stage in STAGES}, "solid nodule")


def _decode(ids: Sequence[int]) -> str:
    return str(tiny.tokenizer().decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False))


def _byte_fallback(ids: Sequence[int]) -> str:
    """As sentencepiece tokenizers decode single bytes: a run that is not UTF-8 becomes one mark a byte."""
    try:
        return bytes(ids).decode()
    except UnicodeDecodeError as error:
        good = bytes(ids)[: error.start].decode()
        return good + "\ufffd" * (len(ids) - error.start)


def _streamed(text_of: TextStream, ids: Sequence[int]) -> list[str]:
    return [*(text_of.add(token) for token in ids), text_of.rest()]


@pytest.mark.parametrize("text", ["plain words", "é ü ß 漢字", "😀👩‍⚕️ mass", "a\n\n  b", "<think>\n</think>"])
def test_pieces_join_to_the_text(text: str) -> None:
    ids = tiny.tokenizer().encode(text, add_special_tokens=False)
    pieces = _streamed(TextStream(_decode), ids)
    assert "".join(pieces) == text
    assert all("\ufffd" not in piece for piece in pieces)


def test_pieces_of_any_ids_join_to_what_the_tokenizer_makes_of_all() -> None:
    rng = np.random.default_rng(1)
    for length in (1, 5, 40, 120):
        for _ in range(20):
            ids = rng.integers(0, len(tiny.tokenizer()), length).tolist()
            assert "".join(_streamed(TextStream(_decode), ids)) == _decode(ids)


def test_a_character_waits_for_its_last_byte() -> None:
    stream = TextStream(_byte_fallback)
    assert [stream.add(byte) for byte in "a€b".encode()] == ["a", "", "", "€", "b"]


def test_a_character_cut_at_the_end_is_told_at_last() -> None:
    pieces = _streamed(TextStream(_byte_fallback), "ab€".encode()[:-1])
    assert pieces == ["a", "b", "", "", "\ufffd\ufffd"]


def test_a_long_reply_costs_no_more_a_token_than_a_short_one() -> None:
    longest = 0

    def decode(ids: Sequence[int]) -> str:
        nonlocal longest
        longest = max(longest, len(ids))
        return _decode(ids)

    stream = TextStream(decode)
    for token in tiny.tokenizer().encode(WHOLE * 20, add_special_tokens=False):
        stream.add(token)
    assert longest <= 24


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_steps_are_told_once_in_order_whatever_the_pieces(size: int) -> None:
    watch = StepWatch()
    told: list[Step] = []
    for end in range(size, len(WHOLE) + size, size):
        told += watch.new(WHOLE[:end])
    assert tuple(told) == parse(WHOLE).steps
    assert watch.rest(parse(WHOLE)) == ()


def test_a_step_is_told_as_soon_as_the_next_begins() -> None:
    watch = StepWatch()
    begun = WHOLE.index("Locate:") + len("Locate:")
    assert watch.new(WHOLE[: begun - 1]) == ()
    assert [step.stage for step in watch.new(WHOLE[:begun])] == ["observe"]


def test_words_before_the_think_part_are_no_step() -> None:
    watch = StepWatch()
    text = "Sure!\n" + WHOLE
    told = [step for end in range(1, len(text) + 1) for step in watch.new(text[:end])]
    assert [step.stage for step in told] == list(STAGES)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (WHOLE, "solid nodule"),
        ("<think>x</think>\n<answer>  mass\n</answer>", "mass"),
        ("<think>x</think><answer>mas", "mas"),
        ("<think>x</think>\n\nIt is a mass.\n", "It is a mass."),
        ("I look.\nA mass.", "A mass."),
        ("", ""),
    ],
)
def test_the_answers_place_is_found(text: str, said: str) -> None:
    assert text[slice(*answer_span(text))] == said


def _reply(text: str, p: float = 0.5) -> Reply:
    made = Reply(TextStream(_decode))
    for token in tiny.tokenizer().encode(text, add_special_tokens=False):
        made.add(token, p)
    return made


def test_the_answers_probability_is_the_product_over_its_own_tokens() -> None:
    made = _reply(WHOLE)
    span = made.parsed()[1]
    covering = [1 for start, end, _ in made.spans if start < span[1] and end > span[0]]
    assert 1 <= len(covering) < len(made.ids)
    assert made.probability(span) == pytest.approx(0.5 ** len(covering))
    assert made.probability((0, 0)) == 0.0


def test_every_option_continues_what_was_said_before_the_answer() -> None:
    made = _reply(WHOLE)
    tokens = tiny.tokenizer()
    common, endings = made.endings(tiny.OPTIONS, lambda text: tokens.encode(text, add_special_tokens=False))
    before = WHOLE[: WHOLE.index("<answer>") + len("<answer>")]
    assert made.ids[: len(common)] == common
    assert len(common) > len(made.ids) // 2
    for option, ending in zip(tiny.OPTIONS, endings, strict=True):
        assert _decode([*common, *ending]) == f"{before}{option}</answer>"


def test_a_reply_without_an_answer_is_continued_by_one() -> None:
    made = _reply("<think>\nObserve: lung.")
    tokens = tiny.tokenizer()
    common, endings = made.endings(("mass",), lambda text: tokens.encode(text, add_special_tokens=False))
    assert _decode([*common, *endings[0]]) == "<think>\nObserve: lung.\n<answer>mass</answer>"


def test_shares_sum_to_one_even_where_all_is_unlikely() -> None:
    assert shares([-1000.0, -1000.0 + np.log(3.0)]) == pytest.approx([0.25, 0.75])
    assert common_length([[1, 2, 3], [1, 2], [1, 2, 4]]) == 2
    assert common_length([[1], [2]]) == 0


def test_the_tokens_of_the_answer_and_of_each_step_are_told_apart() -> None:
    words = [
        "<think>\n",
        "Observe:",
        " both lungs.",
        "\nLocate:",
        " left",
        " lung.",
        "\n</think>\n",
        "<answer>",
        "mass",
    ]
    reply = Reply(TextStream(lambda ids: "".join(words[n] for n in ids)))
    for n in range(len(words)):
        reply.add(n, 0.5)
    answer, steps = reply.parts()
    assert [words[n] for n in answer] == ["mass"]
    assert ["".join(words[n] for n in step).strip() for step in steps] == ["both lungs.", "left lung."]
