"""Many answers to one question together: which mean the same, which is commonest, how torn the model is. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from engine.reasoning.trace import Answer, Group


def grouped(answers: Sequence[Answer]) -> Group:
    """The answers in clusters, by the option they name, else by their words; the largest first.

    Semantic entropy in bits, H = -sum p log2 p, with p a cluster's share of the samples: the discrete form (Farquhar
    and others, Nature 2024). Samples are not weighted by their probability: they were drawn by it, so that a likely
    answer already comes often. The greedy first sample counts like any other, which makes H err to the low side.
    """
    clusters: dict[str, tuple[int, ...]] = {}
    for answer in answers:
        name = answer.label or " ".join(answer.text.lower().split()).strip(" .")
        clusters[name] = (*clusters.get(name, ()), answer.sample)
    clusters = dict(sorted(clusters.items(), key=lambda item: (-len(item[1]), item[1])))
    parts = [len(samples) / len(answers) for samples in clusters.values()]
    majority = next(iter(clusters))
    return Group(clusters, majority, parts[0], sum(-p * math.log2(p) for p in parts) + 0.0)
