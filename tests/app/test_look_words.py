"""What the window says of tests and samples, without a window."""

from __future__ import annotations

import pytest

from app.panels.causal_matrix import table
from app.panels.decided_curve import curve
from app.sampled import Samples, minds, most_bits, sample_of, warning
from engine.reasoning.trace import Causal, Decided, Group, StepDone, Trace
from tests.app.looked import answered, four_answers, one_answer, with_test


def _decided(trace: Trace) -> list[Decided]:
    return [event for event in trace.events if isinstance(event, Decided)]


def test_one_sample_of_several_is_a_trace_of_its_own() -> None:
    trace = sample_of(four_answers(), 3)
    assert trace.answer is not None
    assert trace.answer.label == "vessel"
    assert "<answer>vessel" in trace.text
    assert not any(isinstance(event, Group) for event in trace.events)


def test_the_matrix_colours_only_what_stands_out_from_the_controls() -> None:
    made = table([event for event in with_test().events if isinstance(event, Causal)])
    names = [name for name, _ in made.rows]
    assert made.columns == ("all", "1", "2", "3", "4", "ans.")
    assert made.shade(names.index("roi blanked"), 0) == 1.0
    assert made.shade(names.index("roi blanked"), 1) == 0.0  # the first step costs nothing anywhere
    assert made.shade(names.index("control 6"), 0) < 0 < made.shade(names.index("control 1"), 0)
    assert table([Causal("roi blanked", 4.0)]).shade(0, 0) == 0.0  # no controls: nothing to hold it against


def test_the_step_that_decided_is_named_with_its_stage() -> None:
    trace = with_test()
    steps = [event for event in trace.events if isinstance(event, StepDone)]
    made = curve(_decided(trace), steps)
    assert made.names == ("mass", "normal", "vessel")
    assert made.points == ("before", "1 observe", "2 locate", "3 zoom", "4 conclude")
    assert made.told == "Decided in step 3 (zoom): mass went from 0.35 to 0.80."


@pytest.mark.parametrize(
    ("p", "said"),
    [
        ((0.9, 0.95), "Decided before any reasoning: mass had 0.90 at once, 0.95 in the end."),
        ((0.6, 0.3, 0.7), "Decided in step 2: mass went from 0.30 to 0.70."),
        ((0.2, 0.4), "Never quite decided: in the end mass has 0.40."),
    ],
)
def test_deciding_at_once_late_or_never_is_said(p: tuple[float, ...], said: str) -> None:
    events = [
        Decided(step - 1, {"mass": each, "a": (1 - each) / 2, "b": (1 - each) / 2}) for step, each in enumerate(p)
    ]
    assert curve(events, []).told == said


def test_samples_sort_by_what_they_earned_and_how_likely_they_are() -> None:
    samples = Samples()
    for event in four_answers().events:
        samples.take(event)
    assert [one.number for one in samples.ordered("as drawn")] == [0, 1, 2, 3]
    assert [one.number for one in samples.ordered("reward")] == [3, 2, 1, 0]
    assert [one.number for one in samples.ordered("probability")] == [3, 0, 2, 1]
    assert [one.number for one in samples.ordered("surprise")] == [3, 0, 2, 1]


def test_answers_that_come_are_grouped_before_the_last_is_there() -> None:
    samples = Samples()
    for event in (*answered("mass", 0), *answered("normal", 1), *answered("mass", 2)):
        samples.take(event)
    assert samples.group is not None
    assert samples.group.clusters == {"mass": (0, 2), "normal": (1,)}


def test_how_torn_the_model_is_is_said_in_words_with_the_most_it_could_be() -> None:
    group = next(event for event in four_answers().events if isinstance(event, Group))
    assert most_bits(8, 10) == 3.0
    assert most_bits(32, 4) == 2.0
    assert minds(group, 10) == "The model is of several minds: 1.5 bits of at most 2.0; mass comes 2 times of 4."
    assert minds(Group({"mass": (0, 1)}, "mass", 1.0, 0.0), 10).startswith("The model is of one mind: all 2")
    assert warning(four_answers().events).startswith("⚠ The model is of several minds")
    assert warning(one_answer().events) == ""
