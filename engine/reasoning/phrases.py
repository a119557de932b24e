"""Which measurable statements about the finding in question a text makes: sizes, HU, side, zone, count, calcium, air.

Plain patterns over one sentence at a time, so that a growing text costs only its new sentence. What is said of other
structures, of priors, in general, as a question or as a possibility is no statement about the finding.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import inf

ENDS = re.compile(r"[.!?;](?=\s|$)|\n")  # a point within a number has no blank after it
LONGEST = 400  # characters of a sentence; what runs on is read in parts


@dataclass(frozen=True)
class Stated:
    """One statement. `low` and `high` bound a size (mm), density (HU) or count; `word` is a side, a zone, yes or no.

    `bound`: a comparison ("less than", "over"), which has no slack. Positions are characters of the whole text.
    """

    kind: str  # diameter, hu, side, zone, count, calcified, air
    start: int
    end: int
    low: float = 0.0
    high: float = 0.0
    word: str = ""
    bound: bool = False


def statements(sentence: str) -> tuple[Stated, ...]:
    """What one sentence states, in the order of the text, each thing once."""
    plain = _plain(sentence)
    if _SKIPPED.search(plain):
        return ()
    found: list[Stated] = []
    for read in (_sizes, _densities, _sides, _zones, _counts, _calcium, _air):
        found += read(plain)
    kept = {(one.kind, one.low, one.high, one.word): one for one in reversed(found)}
    return tuple(sorted(kept.values(), key=lambda one: (one.start, one.kind)))


def sentences(text: str, start: int = 0) -> Iterator[tuple[int, str, bool]]:
    """Each sentence from a position on: where it begins, its words, and whether its end has come."""
    while start < len(text):
        end = ENDS.search(text, start, start + LONGEST)
        stop = end.end() if end else min(len(text), start + LONGEST)
        # The last character's end is not certain yet: "1." may go on as "1.5".
        ended = stop < len(text) if end is None or end.group() != "\n" else True
        if end is None and ended:  # without an end for so long: cut between two words
            stop = max(text.rfind(" ", start, stop), start) + 1 if " " in text[start:stop] else stop
        yield start, text[start:stop], ended
        start = stop


_SAME = str.maketrans(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ−–—‑×≈’\u00a0\u202f",
    "abcdefghijklmnopqrstuvwxyz----x~'  ",
)


def _plain(text: str) -> str:
    """Lower case and one kind of dash, length unchanged."""
    return text.translate(_SAME)


# What is no statement about the finding as a whole sentence.
_SKIPPED = re.compile(
    r"\?\s*$|\b(if|should it|unless|whether|defined as|is called|are called|by definition|usually|typically|generally|"
    r"is advised|are advised|recommend\w*|need no|history of|status post|s/p|differential|options?|lobectomy|"
    r"considered|would expect|are followed|or more are|in general|tend to|are usually)\b"
)
_HEDGED = re.compile(
    r"\b(could|might|may|possib\w+|perhaps|maybe|versus|vs|cannot be excluded|not excluded|hard to tell|unclear|"
    r"question of|rule out|likely)\b"
)
_OWN = (
    r"nodul\w*|lesions?|mass(?:es)?|opacit\w+|finding|findings|it|its|this|i|cavity|consolidation|granuloma|tumou?r|"
    r"effusion|emphysema|box|roi|region|diameter|size|axis|extent|atelectasis|bulla|cyst"
)
_OTHER = (
    r"aort\w+|liver|spleen|kidneys?|trachea\w*|carina|heart|ventric\w+|atri\w+|lymph nodes?|nodes?|"
    r"pulmonary arter\w+|arter\w+|veins?|muscles?|ribs?|spine|vertebra\w*|bronch\w+|diaphragm|fissure|pleura|"
    r"chest wall|slices?|images?|pictures?|sections?|windows?|level|inset|field of view|canvas|collimation|"
    r"thickness|pixels?|spacing|kernel|(?<!of )fat|adjacent vessels?|nearby vessels?|neighbou?ring vessels?|"
    r"patient|man|woman|growth|(?<!of )water|bowel|stomach|thyroid|o?esophagus|bladder|pancreas|adrenals?|"
    r"prostate|colon|scale|bar|ruler|matrix|height|depth|wall thickness|needle|scan|catheter|stent|drain|distance|"
    r"interval|gap|disc|bones?|femur|skull"
)
_NOUN = re.compile(rf"\b(?:(?P<own>{_OWN})|(?<!with )(?<!with open )(?<!along )(?<!along the )(?P<other>{_OTHER}))\b")
_STOP = re.compile(r"[,.:;()!?]|\b(?:in|of|at|on|from|with|is|are|within|and|but|without|given)\b")
_PRIOR = re.compile(
    r"\b(previous\w*|prior|formerly|earlier|before|last (?:study|ct|scan|exam\w*)|(?:it|nodule|lesion|mass) was|"
    r"growth of|in (?:19|20)\d\d|compared (?:with|to))\b"
)
_NONE = re.compile(r"\bno (?:[\w-]+ ){0,3}?(?:nodul|lesion|mass|opacit|effusion|finding|abnormal|tumou?r)\w*")
_OF = re.compile(rf"\b(?:{_OWN})(?: is| size)? (?:of|measures|measuring)(?: about| approximately| up to)? ?$")
_PLACED = re.compile(r"\b(?:in|within|near|abutting|touching|invading)\s+(?:the\s+)?(?:left\s+|right\s+)?$")
_AWAY = re.compile(
    r"\s*(?:from|away|below|above|deep|distal|proximal|caudal|cranial|anterior to|posterior to|lateral to|medial to|"
    r"\(?short[- ]axis|\(?in (?:its|the) short[- ]axis|beneath|superior to|inferior to|thick)\b"
)

_NUMERALS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9}
_DIGITS = r"\d+(?:,\d{3}(?!\d)|[.,]\d+)?"
_NUMBER = rf"(?:minus )?(?<![\w./])-?{_DIGITS}"
_MM = r"(?P<{0}>mm|cm|milli-?met(?:er|re)s?|centi-?met(?:er|re)s?)\b"
_SIZE = re.compile(
    rf"(?P<a>{_NUMBER})(?:\s*-?\s*{_MM.format('ua')})?"
    rf"(?:\s*(?P<sep>-|to|and|or|x|by)\s*(?P<b>{_DIGITS})(?:\s*-?\s*{_MM.format('ub')})?"
    rf"(?:\s*(?:x|by)\s*(?P<c>{_DIGITS})(?:\s*{_MM.format('uc')})?)?)?"
)
_WORDED = re.compile(
    rf"\b(?P<n>half a|a half|an?|sub|{'|'.join(_NUMERALS)})[ -]+(?P<u>cm|mm|(?:centi|milli)-?met(?:er|re))s?\b"
)
_HU = re.compile(
    rf"(?P<a>{_NUMBER})(?: ?± ?\d+)?(?:\s*(?:hu)?\s*(?P<sep>-|to|and|or)\s*(?P<b>(?:minus )?-?{_DIGITS}))?"
    r"\s*(?:hu\b|hounsfield)"
)
_HU_FIRST = re.compile(
    r"\b(?:hu|hounsfield)\b(?: (?:units?|values?|numbers?))?[\s:=~(]*"
    r"(?:(?:of|is|are|at|about|around|approximately|ranges?|from|between|near|likely|probably|mean|roughly) ?)*"
    rf"(?P<a>{_NUMBER})(?:\s*(?P<sep>-|to|and|or)\s*(?P<b>(?:minus )?-?{_DIGITS}))?(?!\s*(?:mm|cm|hu|\d|,))"
)
_ABOUT = r"(?:\s*(?:about|approximately|around|roughly|~|some|in size|in diameter|or equal to))*\s*$"
_LESS = re.compile(
    r"(?:less than|smaller than|lower than|shorter than|below|under|<=?|≤|up to|at most|within|"
    r"(?:no|not) (?:more|larger|greater|bigger|wider|longer) than|(?:not|n't) exceed(?:ing)?)" + _ABOUT
)
_MORE = re.compile(
    r"(?:(?:greater|larger|more|bigger|wider|longer|higher) than|over|above|exceed(?:s|ing)?|>=?|≥|at least|beyond)"
    + _ABOUT
)
_NOT = re.compile(r"(?:\bnot|n't)(?: \w+)?" + _ABOUT)
_GREW = re.compile(r"\b(?:grown|grew|enhances?|enhanced|increased|enlarged|decreased|shrunk|shrank)\b[^,]*from\s*$")


def _value(digits: str) -> float:
    sign = -1.0 if digits.startswith(("-", "minus")) else 1.0
    bare = digits.removeprefix("minus ").removeprefix("-")
    bare = bare.replace(",", "") if re.search(r",\d{3}$", bare) and not bare.startswith("0") else bare.replace(",", ".")
    return sign * float(bare)


def _clause(text: str, start: int) -> str:
    """What stands before a position, back to the last comma or "but"."""
    return re.split(r",(?!\d)|\bbut\b|\band (?:now|is)\b", text[:start])[-1]


def _ours(text: str, start: int, end: int) -> bool:
    """Whether a number here measures the finding: the noun after it, else the last one before it, is the finding's."""
    before = _clause(text, start)
    if _PRIOR.search(before) or _PRIOR.search(_STOP.split(text[end:] + ",")[0]) or _NONE.search(before):
        return False
    if re.match(r"[^,]*\b(?:on|at|in) the (?:prior|previous|last)\b", text[end:].split(" and ")[0]):
        return False
    if _AWAY.match(text, end):
        return False
    phrase = text[end : end + (stop.start() if (stop := _STOP.search(text[end:])) else len(text))]
    after = list(_NOUN.finditer(phrase))
    # "abuts the aorta and measures 6 cm": the verb goes back to the sentence's first noun.
    first_again = re.search(r"\band (?:it )?(?:measures|is|has|spans|shows)\b[^,]*$", text[:start])
    before_it = list(_NOUN.finditer(text[:start]))
    before_it = [
        one for n, one in enumerate(before_it) if one["own"] or not (n and _PLACED.search(text[: one.start()]))
    ]
    nouns = after[-1:] or (before_it[:1] if first_again else before_it[-1:])
    if _OF.search(text[:start]):
        return True
    return not nouns or nouns[0].group("own") is not None


def _bounded(kind: str, text: str, span: tuple[int, int], values: list[float]) -> Stated | None:
    """The statement of these numbers: a comparison, a range or a value; None where it is denied ("not 20 mm")."""
    before = text[: span[0]]
    low, high = min(values), max(values)
    least = -inf if kind == "hu" else 0.0
    if _LESS.search(before):
        return Stated(kind, *span, low=least, high=high, bound=True)
    if _MORE.search(before):
        return Stated(kind, *span, low=low, high=inf, bound=True)
    return None if _NOT.search(before) else Stated(kind, *span, low=low, high=high)


def _sizes(text: str) -> Iterator[Stated]:
    for match in _SIZE.finditer(text):
        part = match.groupdict()
        units = [part[name] for name in ("ua", "ub", "uc")]
        if not any(units) or part["a"].startswith(("-", "minus")) or not _ours(text, *match.span()):
            continue
        last = next(unit for unit in reversed(units) if unit)
        pairs = zip((part["a"], part["b"], part["c"]), units, strict=True)
        values = [_value(digits) * (10 if (unit or last).startswith("c") else 1) for digits, unit in pairs if digits]
        yield from _several("diameter", text, match, values, by=part["sep"] in ("x", "by"))
    for match in _WORDED.finditer(text):
        if _ours(text, *match.span()):
            count = {"half a": 0.5, "a half": 0.5}.get(match["n"]) or _NUMERALS.get(match["n"], 1)
            one = _bounded("diameter", text, match.span(), [count * (10.0 if match["u"].startswith("c") else 1.0)])
            sub = match["n"] == "sub"
            yield from (replace(each, low=0.0, bound=True) if sub else each for each in (one,) if each)


def _several(kind: str, text: str, match: re.Match[str], values: list[float], by: bool = False) -> Iterator[Stated]:
    """Of "14 x 11" the largest; of "from 6 to 9" after growth the last; of "6 and 8" both, unless "between" them."""
    if by:
        values = [max(values)]
    elif len(values) == 2 and _GREW.search(text[: match.start()]):
        values = values[1:]
    elif len(values) == 2 and match["sep"] == "and" and "between" not in text[: match.start("b")]:
        split = match.start("b")
        spans = ((match.start(), split), (split, match.end()))
        yield from filter(None, (_bounded(kind, text, s, [v]) for s, v in zip(spans, values, strict=True)))
        return
    one = _bounded(kind, text, match.span(), values)
    yield from filter(None, (one,))


_SPREAD = re.compile(r"\b(?:sd|standard deviation|noise)(?: of| is)?[ :=]*$|[±]\s*$")


def _densities(text: str) -> Iterator[Stated]:
    taken = -1
    for pattern in (_HU, _HU_FIRST):
        for match in pattern.finditer(text):
            if (pattern is _HU_FIRST and match.start() < taken) or not _ours(text, *match.span()):
                continue
            if _SPREAD.search(text[: match.start()]):
                continue
            taken = match.end()
            values = [_value(match[name]) for name in ("a", "b") if match[name]]
            yield from _several("hu", text, match, values)


_SIDE = re.compile(
    r"\bpatient's (?P<p>left|right)\b|\b(?P<s>left|right)[- ](?:sided?\b(?! of (?!the (?:patient|chest|body|thorax)))|"
    r"(?:upper|lower|middle|mid)[- ](?:lobe|lung|zone)|(?:[\w-]+ ){0,2}(?:lung|hemithorax)\b|hemithorax|"
    r"apex|apical|(?:lung )?base\b|basal|pleural?|chest|lobe)|"
    r"\b(?:on|in|to) the (?P<o>left|right)\b(?! (?:of|lung is|vent|atri|main))(?=\W|$)|"
    r"\b(?P<a>[rl])[uml]l\b|\b(?P<l>lingula)|\b(?P<m>midline)\b|\bside\s*[:=]\s*(?P<n>left|right)\b"
)
_CLEAR = re.compile(
    r"\blungs?:? (?:clear|normal|unremarkable)\b|\b(?:is|are|appears?|remains?) (?:clear|normal|unremarkable|well)\b|"
    r"\b(?:of|in|on) the (?:picture|image|screen)\b|\b(?:picture|image|screen) (?:shows|is)\b"
)
_ON = re.compile(r"\b(?:on|in|to) the (?:left|right)$")
_DENIED = re.compile(r"(?:\bnot|n't|\brather than|\binstead of)(?: \w+){0,3} ?$")


_DEVICES = ("needle", "catheter", "stent", "drain")


def _there(text: str, match: re.Match[str]) -> bool:
    """Whether a place is said of the finding: not of an absent one, not in the past, not denied."""
    before = _clause(text, match.start())
    nouns = list(_NOUN.finditer(before))
    if nouns and nouns[-1].group() in _DEVICES:
        return False
    if re.search(r"\bno (?:[\w-]+ )?$", before):
        return False  # "no left-sided lesion"
    return not (_NONE.search(before) or _PRIOR.search(before) or _DENIED.search(before))


def _sides(text: str) -> Iterator[Stated]:
    if _CLEAR.search(text):
        return
    for match in _SIDE.finditer(text):
        word = {"l": "left", "r": "right"}.get(match["a"] or "") or match["p"] or match["s"] or match["o"] or match["n"]
        word = word or ("left" if match["l"] else "midline")
        follows = text[match.end() : match.end() + 14]
        if _ON.search(match.group()) and re.match(r" [a-z]", follows) and not _AFTER_SIDE.match(follows):
            continue  # "in the left atrium", "on the right kidney"
        if _there(text, match):
            yield Stated("side", *match.span(), word=word)


_AFTER_SIDE = re.compile(r" (?:in|at|and|with|but|side|lung|hemi|mid|upper|lower|middle|apex|base|where|is|of the pat)")
_ZONES: tuple[tuple[str, str], ...] = (
    ("upper", r"\bupper[- ](?:lobe|zone|lung|third|field|part)|\bapex\b|\bapical\b|\b[rl]ul\b"),
    ("lower", r"\blower[- ](?:lobe|zone|lung|third|field|part)|\blung base\b|\b(?:left|right) base\b|\bbasal\b|"
     r"\bbasilar\b|\b[rl]ll\b"),
    ("middle", r"\b(?:middle|mid)[- ](?:lobe|zone|lung|field)|\brml\b"),
    ("middle third", r"\bmiddle third\b"),
    ("anterior", r"\banterior(?:ly)?\b(?! to)"),
    ("posterior", r"\bposterior(?:ly)?\b(?! to)"),
)  # fmt: skip
_ZONE = tuple((word, re.compile(pattern)) for word, pattern in _ZONES)


def _zones(text: str) -> Iterator[Stated]:
    if _CLEAR.search(text):
        return
    for word, pattern in _ZONE:
        for match in pattern.finditer(text):
            if _there(text, match):
                yield Stated("zone", *match.span(), word=word)


_COUNT = re.compile(
    rf"(?<![\w.,-])(?P<n>{'|'.join(_NUMERALS)}|a pair of|single|solitary|several|multiple|numerous|many|[2-9])\s"
    rf"(?:{_DIGITS} ?-?(?:mm|cm) )?(?:(?!of\b|in\b|to\b|or\b|x\b|by\b|mm\b|cm\b)[a-z][\w-]* ){{0,3}}?"
    r"(?:nodul|lesion|mass|opacit|finding|cavit|granuloma|tumou?r)\w*"
)


def _counts(text: str) -> Iterator[Stated]:
    for match in _COUNT.finditer(text):
        said = match["n"]
        if not _there(text, match) or re.search(r"\b(?:no|x|segment|image|series|slice) $", text[: match.start()]):
            continue
        if said in ("several", "multiple", "numerous", "many"):
            yield Stated("count", *match.span(), low=1, high=inf, bound=True)
        else:
            count = _NUMERALS.get(said) or {"a pair of": 2, "single": 1, "solitary": 1}.get(said) or int(said)
            yield Stated("count", *match.span(), low=count, high=count)


_NEGATED = re.compile(
    r"\b(?:no|not|cannot|never|without|neither|nor|lacks?|lacking|absence of|free of|devoid of|nil)\b|"
    r"n't\b|\bnon-?$|\bun$"
)
_ABSENT = re.compile(
    r"\s*[:=]\s*(?:none|no|not|absent|negative|nil)\b|"
    r"[^,]*?\b(?:is|are|was|were) (?:absent|not (?:seen|present|identified|visible))\b"
)
_CALCIUM = re.compile(r"calcif(?!ied nodules are)\w*|\bcalcium\b")
_ELSEWHERE = re.compile(
    r"\b(?:coronary|aort\w*|arter\w*|vascular|valv\w*|tracheal?|bronchial|rib|nodes?|nodal|bowel|stomach|"
    r"o?esophagus|trachea|colon|larynx|pharynx|sinus\w*|abdomen|vertebra\w*|spine)\b"
)
_AIR = re.compile(
    r"\bcavit\w+|\bair-fluid|\bair[- ]bronchogram|\b(?:air|gas)\b(?= (?:inside|within|in|bubbles?|pockets?)\b)|"
    r"\bgas\b|\bring around air\b|\bfilled with (?:air|gas)\b|\bair-(?:filled|containing)\b|"
    r"\b(?:air|gas) is (?:seen|present)\b|\bair present\b|\bcontain(?:s|ing)? (?:air|gas)\b"
)
_NO_AIR = re.compile(r"(?:thoracic|chest|pleural|oral|nasal|abdominal) $")


def _presence(kind: str, pattern: re.Pattern[str]) -> Callable[[str], Iterator[Stated]]:
    def read(text: str) -> Iterator[Stated]:
        if _HEDGED.search(text) or _ELSEWHERE.search(text):
            return
        for match in pattern.finditer(text):
            before = re.split(r"\bbut\b|\bhowever\b", text[: match.start()])[-1]
            if _NO_AIR.search(before) or _PRIOR.search(before):
                continue
            denied = _NEGATED.search(_scope(before)) or _ABSENT.match(text, match.end())
            yield Stated(kind, *match.span(), word="no" if denied else "yes")

    return read


def _scope(before: str) -> str:
    """How far back a "no" reaches: over "or" and "and", not over a comma that begins something new."""
    return re.split(r",(?! (?:no|nor|or|and|without)\b)", before)[-1]


_calcium, _air = _presence("calcified", _CALCIUM), _presence("air", _AIR)
