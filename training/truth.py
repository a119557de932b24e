"""What is true of a drawn case, in the terms in which statements are judged."""

from __future__ import annotations

from engine.reasoning.claims import Extent, Facts
from training import wording
from training.synthetic import Case
from training.wording import NO_LESION


def facts_of_case(case: Case) -> Facts:
    """What is true of a drawn case, for the validation reward."""
    true: wording.Facts = case.facts
    zone = {"middle": "middle third"}.get(true.zone, true.zone)
    airy = true.kind in ("consolidation", "emphysema")  # open bronchi, holes: words for air there mean other things
    return Facts(
        diameter_mm=Extent.exactly(true.size_mm) if true.size_mm else None,
        hu=Extent.exactly(true.hu),
        side=true.side,
        zones=(zone,),
        calcified=None if true.kind in NO_LESION else true.kind == "calcified nodule",
        air=None if airy or true.kind in NO_LESION else true.kind == "cavity",
    )
