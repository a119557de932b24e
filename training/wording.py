"""Questions, options and the true staged reply of a sample. Every number and side comes from the measured facts."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.random import Generator

from engine.reasoning.prompt import DEFAULT_QUESTION, reply

KINDS = (
    "solid nodule",
    "mass",
    "ground-glass nodule",
    "calcified nodule",
    "cavity",
    "consolidation",
    "effusion",
    "emphysema",
    "vessel",
    "normal",
)
NO_LESION = ("vessel", "normal")
MEASURED = ("solid nodule", "mass", "ground-glass nodule", "calcified nodule", "cavity")  # what readers give a size of
SIZE_BANDS = ("under 6 mm", "6 to 12 mm", "12 to 30 mm", "over 30 mm")
KIND_QUESTIONS = (
    DEFAULT_QUESTION,
    DEFAULT_QUESTION,
    DEFAULT_QUESTION,
    "What is in the box?",
    "Which finding does the box mark?",
    "What kind of lesion is this?",
    "Name the finding in the box.",
)
SOFT = ((-100, 100), (0, 200), (-300, -100))  # HU: soft tissue, enhanced, mixed with air at the edge; first that holds
SIDE_QUESTIONS = ("Which side is the box on?", "On which side of the patient is the box?", "Left or right?")
LESION_QUESTIONS = ("Is there a lesion in the box?", "Does the box show a lesion?", "Is anything abnormal in the box?")
PLACE_QUESTIONS = {  # of which SFT shows none, or as few as it is told to
    "zone": ("In which third of the body is the box?", "Which third of the body does the box lie in?"),
    "region": ("Is the box in lung or in soft tissue?", "What does the box lie in?"),
}
PLACES = {"zone": ("anterior", "middle", "posterior"), "region": ("lung", "soft tissue")}
SIZE_QUESTIONS = ("How large is the lesion?", "What size is the finding?")


@dataclass(frozen=True)
class Facts:
    """What is true of a sample, measured on the finished picture. Lengths in mm; `hu` is a mean, in HU."""

    kind: str
    side: str  # left, right, midline: the patient's
    zone: str  # anterior, middle, posterior third of the body
    region: str  # lung or soft tissue
    lungs: int  # lungs in the slice
    hu: float  # of the lesion; of the box where there is none
    size_mm: float = 0.0  # largest in-plane diameter of the lesion inside the box; 0 where there is none
    margin: str = ""
    pleural: bool = False
    background: str = ""


@dataclass(frozen=True)
class Wording:
    """One question about a sample with its options, the true answer and the whole reply."""

    question: str
    options: tuple[str, ...]
    answer: str
    reply: str
    asks: str  # kind, side, lesion, size or place


def rounded_mm(size: float) -> int:
    """Sizes as they are said: whole mm below 10, then even mm."""
    return round(size) if size < 9.5 else 2 * round(size / 2)


def rounded_hu(hu: float) -> int:
    """Densities as they are said: steps of 50 HU."""
    return 50 * round(hu / 50)


def band_of(size: float) -> str:
    """The size band of a lesion."""
    return SIZE_BANDS[sum(size >= edge for edge in (6, 12, 30))]


def word(facts: Facts, rng: Generator, asks: str = "") -> Wording:
    """A question and its true reply; `asks` chooses the kind of question, else it is drawn."""
    asks = asks or _drawn(facts, rng)
    question, options, answer = _question(facts, asks, rng)
    return Wording(question, options, answer, reply(stages(facts, asks, answer, rng), answer), asks)


def stages(facts: Facts, asks: str, answer: str, rng: Generator) -> dict[str, str]:
    """The four steps of a reply, each true of the facts."""
    seen = place(facts, rng)
    return {**seen, "zoom": _zoom(facts, rng), "conclude": _conclude(facts, asks, answer, rng)}


def place(facts: Facts, rng: Generator) -> dict[str, str]:
    """The two steps that hold whatever is in the box."""
    return {"observe": _observe(facts, rng), "locate": _locate(facts, rng)}


def _drawn(facts: Facts, rng: Generator) -> str:
    draw = rng.random()
    if draw < 0.08 and facts.side != "midline":
        return "side"
    if 0.08 <= draw < 0.15:
        return "lesion"
    if 0.15 <= draw < 0.19 and facts.kind in MEASURED:
        return "size"
    return "kind"


def _question(facts: Facts, asks: str, rng: Generator) -> tuple[str, tuple[str, ...], str]:
    if asks == "side":
        return _one(rng, SIDE_QUESTIONS), _shuffled(rng, ("left", "right")), facts.side
    if asks == "lesion":
        answer = "no" if facts.kind in NO_LESION else "yes"
        return _one(rng, LESION_QUESTIONS), _shuffled(rng, ("yes", "no")), answer
    if asks == "size":
        return _one(rng, SIZE_QUESTIONS), SIZE_BANDS, band_of(facts.size_mm)
    if asks == "place":
        return _about_place(facts, rng)
    return _one(rng, KIND_QUESTIONS), _kind_options(facts.kind, rng), facts.kind


def _about_place(facts: Facts, rng: Generator) -> tuple[str, tuple[str, ...], str]:
    """Where the box lies: what every reply states on its way anyway."""
    about = _one(rng, tuple(PLACES))
    answer = {"zone": facts.zone, "region": facts.region}[about]
    return _one(rng, PLACE_QUESTIONS[about]), _shuffled(rng, PLACES[about]), answer


def _kind_options(kind: str, rng: Generator) -> tuple[str, ...]:
    draw = rng.random()
    if draw < 0.1:
        return ()
    if draw < 0.35:
        return KINDS
    if draw < 0.7:
        return _shuffled(rng, KINDS)
    others = [other for other in KINDS if other != kind]
    count = int(rng.integers(2, 8))
    return _shuffled(rng, (kind, *(others[i] for i in rng.permutation(len(others))[:count])))


def _one(rng: Generator, choices: tuple[str, ...]) -> str:
    return choices[int(rng.integers(len(choices)))]


def _shuffled(rng: Generator, options: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(options[i] for i in rng.permutation(len(options)))


def _observe(facts: Facts, rng: Generator) -> str:
    if facts.lungs == 2:
        return _one(rng, ("chest slice with both lungs.", "axial chest CT, both lungs seen."))
    if facts.lungs == 1:
        return _one(rng, ("slice with lung on one side.", "axial CT, lung seen on one side only."))
    return _one(rng, ("slice without lung.", "axial CT, no lung seen."))


def _locate(facts: Facts, rng: Generator) -> str:
    pleura = ", at the pleura" if facts.pleural else ""
    where = {"midline": "in the midline"}.get(facts.side, f"on the {facts.side}")
    if facts.region == "lung" and facts.side != "midline":
        return _one(
            rng,
            (
                f"box in the {facts.side} lung, {facts.zone} third{pleura}.",
                f"the box lies in the {facts.side} lung, {facts.zone} third{pleura}.",
            ),
        )
    return f"box in {'lung' if facts.region == 'lung' else 'soft tissue'} {where}, {facts.zone} third{pleura}."


def _zoom(facts: Facts, rng: Generator) -> str:
    """What the inset shows: sizes and densities only where a reader gives them, as closely as the model can tell."""
    if facts.kind == "normal":
        what = "aerated lung" if facts.hu < -500 else "normal tissue"
        return _one(rng, (f"{what}, no lesion.", f"no lesion, {what}."))
    size, margin = f"about {rounded_mm(facts.size_mm)} mm", f", {facts.margin} margin" if facts.margin else ""
    said = {
        "solid nodule": f"solid lesion, {size}, {density(facts)}{margin}.",
        "mass": f"large solid lesion, {size}, {density(facts)}{margin}.",
        "ground-glass nodule": f"hazy lesion, {size}, {density(facts)}{margin}.",
        "calcified nodule": f"very dense lesion, {size}, {density(facts)}{margin}.",
        "cavity": f"ring around air, {size}{margin}.",
        "consolidation": "airless lung with open bronchi.",
        "effusion": f"fluid along the chest wall, {density(facts)}.",
        "emphysema": "dark holes without walls.",
        "vessel": "tube or branch, no nodule.",
    }
    return said[facts.kind]


def density(facts: Facts) -> str:
    """The mean density in words that hold: classes of the field rather than a figure, which few models can read off."""
    hu, near = facts.hu, rounded_hu(facts.hu)
    if facts.kind == "ground-glass nodule":
        return f"{near - 100} to {near + 100} HU"
    if facts.kind == "calcified nodule":
        return f"above {max((limit for limit in (0, 100, 200) if hu > limit), default=-100)} HU"
    if facts.kind == "effusion":
        return f"about {near} HU"
    return next((f"{low} to {high} HU" for low, high in SOFT if low <= hu <= high), f"about {near} HU")


def _conclude(facts: Facts, asks: str, answer: str, rng: Generator) -> str:
    if asks == "side":
        return f"the box is on the patient's {answer}."
    if asks == "size":
        return f"the lesion measures {answer}."
    if asks == "place":
        return f"the box lies in {answer}." if answer == facts.region else f"the box lies in the {answer} third."
    if asks == "lesion":
        return f"this is {_named(facts.kind)}, so the answer is {answer}."
    return _one(rng, (f"this is {_named(facts.kind)}.", f"it fits {_named(facts.kind)} best."))


def _named(kind: str) -> str:
    return {
        "normal": "normal tissue",
        "effusion": "an effusion",
        "emphysema": "emphysema",
        "consolidation": "consolidation",
    }.get(kind, f"a {kind}")
