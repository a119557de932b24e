"""The images of a path -> series: what belongs together, what is set aside, and the warnings that say so."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

import numpy as np

from engine.ct.dicom.instance import CT_CLASSES, Instance
from engine.ct.dicom.pixels import DECODABLE
from engine.ct.dicom.source import readable
from engine.ct.volume import SeriesWarning

_SAME_MM = 0.01  # slices closer than this lie at one position
_OWN_PART = 3  # so many odd images in a series are shown as a series of their own
_NAMED = 8  # damaged files named in the sentence; all are in the warning's list
_PHASES = 0.8  # share of positions that must be there n times for n phases


@dataclass
class Part:
    """Images of one series that form one stack, in order; or images that form none (`kind` is not "volume")."""

    uid: str
    instances: list[Instance]
    kind: str = "volume"
    suffix: str = ""  # added to the description of a phase
    readable: bool = True
    warnings: list[SeriesWarning] = field(default_factory=list)

    def warn(self, code: str, message: str, about: Sequence[Instance]) -> None:
        """Add a warning that names the files of some images; one for each code and message."""
        same = [one for one in self.warnings if (one.code, one.message) == (code, message)]
        self.warnings = [one for one in self.warnings if one not in same]
        earlier = tuple(name for one in same for name in one.files)
        self.warnings.append(SeriesWarning(code, message, tuple(dict.fromkeys(earlier + names(about)))))


def names(instances: Sequence[Instance]) -> tuple[str, ...]:
    """File names, each once."""
    return tuple(dict.fromkeys(one.source.name for one in instances))


def parts(instances: Sequence[Instance]) -> list[Part]:
    """Every stack of every series."""
    groups: dict[Hashable, list[Instance]] = defaultdict(list)
    for one in instances:
        groups[_key(one)].append(one)
    found: list[Part] = []
    for number, members in enumerate(groups.values(), 1):
        found += _series(members[0].series_uid or f"no-uid-{number}-{_fingerprint(members[0])}", members)
    return found


def _fingerprint(one: Instance) -> str:
    """Tells series without a UID apart, whichever folder they are in: readings are saved under a series' name."""
    return hashlib.blake2b(one.source.head(1 << 16), digest_size=6).hexdigest()


def _key(one: Instance) -> Hashable:
    """What makes a series: its UID, or where that is empty all that its images must share."""
    if one.series_uid:
        return one.series_uid
    turned = tuple(round(value, 2) for value in one.orientation or ())
    return (one.modality, one.is_image, one.rows, one.columns, one.spacing, turned, one.is_localizer, one.source.folder)


def _series(uid: str, members: list[Instance]) -> list[Part]:
    images = [one for one in members if one.is_image]
    if not images:
        return [Part(uid, members, "other", readable=False)]
    main = Part(uid, images)
    _without_damage(main)
    if not main.readable:
        return [main]
    _set_aside(main, "capture", [one for one in main.instances if one.is_capture], _CAPTURE)
    _set_aside(main, "localizer", [one for one in main.instances if one.is_localizer], _LOCALIZER)
    if main.kind == "volume" and not _is_volume(main.instances[0]):
        main.kind = "other"
    _drop_copies(main)
    return [phase for part in _split(main) for phase in _phases(part)]


_CAPTURE = "Screenshots within the series were set aside."
_LOCALIZER = "Localizers within the series were set aside; they are not slices of the volume."


def damaged(files: Sequence[tuple[str, str]]) -> SeriesWarning:
    """The warning that names damaged files, each with its reason."""
    shown = ", ".join(f"{name} ({why})" for name, why in files[:_NAMED])
    more = f" and {len(files) - _NAMED} more" if len(files) > _NAMED else ""
    text = f"Damaged files were left out: {shown}{more}."
    return SeriesWarning("damaged_file", text, tuple(dict.fromkeys(name for name, _ in files)))


def _without_damage(part: Part) -> None:
    """Leave out what cannot be read; a series of which nothing can be read is listed all the same."""
    broken = [one for one in part.instances if one.fault]
    closed = [one for one in part.instances if not one.fault and one.pixels.syntax not in DECODABLE]
    if broken:
        part.warnings.append(damaged([(one.source.name, one.fault) for one in broken]))
    if closed:
        codes = ", ".join(sorted({readable(one.pixels.syntax) for one in closed}))
        part.warn("unsupported_syntax", f"Files are compressed in a way that Loupe cannot decode ({codes}).", closed)
    away = {id(one) for one in broken + closed}
    rest = [one for one in part.instances if id(one) not in away]
    if rest:
        part.instances = rest
    else:
        part.kind, part.readable = "other", False


def _set_aside(part: Part, kind: str, away: list[Instance], message: str) -> None:
    """Take captures or localizers out of a volume, with a warning; a series of nothing else is of that kind."""
    if away and len(away) == len(part.instances):
        part.kind = kind
    elif away:
        part.warn(f"{kind}_in_series", message, away)
        part.instances = [one for one in part.instances if one not in away]


def _is_volume(one: Instance) -> bool:
    return one.sop_class in CT_CLASSES or one.modality in ("CT", "PT", "MR") or not one.modality


def _drop_copies(part: Part) -> None:
    """Keep one of the files that hold the same SOP instance at the same place.

    Some programs that remove names give every slice the same SOP Instance UID: those are slices, not copies.
    """
    seen: set[Hashable] = set()
    copies: list[Instance] = []
    kept: list[Instance] = []
    for one in part.instances:
        same = (one.sop_uid, one.position, one.number)
        (copies if one.sop_uid and same in seen else kept).append(one)
        seen.add(same)
    if copies:
        part.warn("duplicate_files", "The same images are stored more than once; the copies were left out.", copies)
        part.instances = kept


def _split(part: Part) -> list[Part]:
    """One part a size, orientation and spacing. A few odd images are set aside; more make a part of their own."""
    clusters: list[list[Instance]] = []
    for one in part.instances:
        home = next((cluster for cluster in clusters if _difference(cluster[0], one)[0] == ""), None)
        if home is None:
            clusters.append([one])
        else:
            home.append(one)
    clusters.sort(key=len, reverse=True)
    part.instances = clusters[0]
    found = [part]
    aside: dict[tuple[str, str], list[Instance]] = defaultdict(list)
    for cluster in clusters[1:]:
        code, what = _difference(clusters[0][0], cluster[0])
        if len(cluster) < _OWN_PART <= len(clusters[0]):
            aside[code, f"Images with another {what} were set aside."] += cluster
            continue
        number = len(found) + 1
        own = Part(f"{part.uid}#{number}", cluster, part.kind, f" (part {number})")
        for either, other in ((part, cluster), (own, clusters[0])):
            either.warn(code, f"Images with another {what} are shown as a part of their own.", other)
        found.append(own)
    for (code, message), images in aside.items():
        part.warn(code, message, images)
    return found


def _difference(a: Instance, b: Instance) -> tuple[str, str]:
    """The warning's code and the word for what tells two images apart; "" where nothing does."""
    if (a.rows, a.columns) != (b.rows, b.columns):
        return "inconsistent_size", "size"
    if not _close(a.orientation, b.orientation, 0.01):
        return "inconsistent_orientation", "orientation"
    if not _close(a.spacing, b.spacing, 1e-3 * max(a.spacing or (1.0,))):
        return "inconsistent_spacing", "pixel spacing"
    if (a.position is None) != (b.position is None):
        return "no_position", "or no position"
    return "", ""


def _close(a: Sequence[float] | None, b: Sequence[float] | None, tolerance: float) -> bool:
    if a is None or b is None:
        return a is b
    return max(abs(x - y) for x, y in zip(a, b, strict=True)) <= tolerance


def _phases(part: Part) -> list[Part]:
    """Sort along the normal; several images at one position are phases of a 4D series, or duplicates to be dropped."""
    if part.instances[0].position is None or part.instances[0].orientation is None:
        part.instances.sort(key=lambda one: (one.number, one.source.name))
        return [part]
    places = _places(part.instances)
    counts = Counter(len(place) for place in places)
    many, often = max(((n, count) for n, count in counts.items() if n > 1), key=lambda pair: pair[1], default=(1, 0))
    if many > 1 and often >= _PHASES * len(places) and len(places) > 1:
        return _split_phases(part, places, many)
    extra = [one for place in places for one in place[1:]]
    if extra:
        part.warn("duplicate_positions", "Several images lie at one position; the first was kept.", extra)
    part.instances = [place[0] for place in places]
    return [part]


def _places(instances: list[Instance]) -> list[list[Instance]]:
    """Images in order along the normal, those at one position together (by instance number)."""
    turned = np.array(instances[0].orientation, float)
    normal = np.cross(turned[:3], turned[3:])
    depth = {id(one): float(np.dot(one.position or (0.0, 0.0, 0.0), normal)) for one in instances}
    places: list[list[Instance]] = []
    for one in sorted(instances, key=lambda one: depth[id(one)]):
        if places and depth[id(one)] - depth[id(places[-1][0])] <= _SAME_MM:
            places[-1].append(one)
        else:
            places.append([one])
    for place in places:
        place.sort(key=lambda one: (one.number, one.source.name))
    return places


def _split_phases(part: Part, places: list[list[Instance]], many: int) -> list[Part]:
    phases = _by_time(places, many) or [[place[n] for place in places if n < len(place)] for n in range(many)]
    message = f"The series holds {len(phases)} phases of {len(places)} positions; each is shown as a series of its own."
    found = []
    for number, members in enumerate(phases, 1):
        suffix = f"{part.suffix} (phase {number} of {len(phases)})"
        own = Part(f"{part.uid}#{number}", members, part.kind, suffix)
        own.warnings = list(part.warnings)
        own.warn("mixed_phases", message, members)
        found.append(own)
    return found


def _by_time(places: list[list[Instance]], many: int) -> list[list[Instance]] | None:
    """Phases by the first header time that tells the images of every position apart into `many` groups."""
    for which in range(max(len(one.times) for place in places for one in place)):
        groups: dict[str, list[Instance]] = defaultdict(list)
        for place in places:
            values = [one.times[which] if which < len(one.times) else "" for one in place]
            if len(set(values)) != len(place):
                groups.clear()
                break
            for value, one in zip(values, place, strict=True):
                groups[value].append(one)
        if len(groups) == many:
            return [groups[value] for value in sorted(groups, key=_order)]
    return None


def _order(value: str) -> tuple[float, str]:
    try:
        return (float(value), value)
    except ValueError:
        return (0.0, value)
