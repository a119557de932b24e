"""How much of the patient is shown: all, initials and age, or nothing. What is shown anywhere goes through here."""

from __future__ import annotations

import re
from typing import Literal, get_args

from engine.ct.volume import Provenance

Phi = Literal["full", "initials", "hidden"]
STATES: tuple[Phi, ...] = get_args(Phi)
SAID = {
    "full": "Patient data are shown in full.",
    "initials": "Patients are shown by initials and age only.",
    "hidden": "Patient data are hidden.",
}
HIDDEN = "Patient hidden"
_UNITS = {"Y": "y", "M": "months", "W": "weeks", "D": "days"}


def name_text(name: str) -> str:
    """A person's name (PS3.5 6.2.1) to read: "Yamada^Tarou=山田^太郎" is "Yamada Tarou (山田 太郎)"."""
    groups = [" ".join(group.replace("^", " ").split()) for group in name.split("=")]
    first, *others = dict.fromkeys(filter(None, groups)) or [""]
    return f"{first} ({', '.join(others)})" if others else first


def initials(name: str) -> str:
    """Such as "D. J." for "Doe^John", from the first group that is not empty."""
    group = next((group for group in name.split("=") if group.strip("^ ")), "")
    parts = [part for part in re.split(r"[\^\s,]+", group) if part]
    return " ".join(f"{part[0].upper()}." for part in parts[:3])


def age_text(age: str) -> str:
    """A DICOM age such as "054Y" to read: "54 y"; anything else as it is."""
    match = re.fullmatch(r"(\d{1,3})([YMWD])", age.strip())
    return f"{int(match[1])} {_UNITS[match[2]]}" if match else age


def person_lines(source: Provenance, phi: Phi) -> tuple[str, ...]:
    """Name, number, and age with sex, as far as they may be shown; empty ones left out."""
    person = " · ".join(filter(None, (age_text(source.patient_age), source.patient_sex)))
    if phi == "hidden":
        return (HIDDEN,)
    if phi == "initials":
        return tuple(filter(None, (initials(source.patient_name), person))) or (HIDDEN,)
    name = name_text(source.patient_name)
    number = source.patient_id if source.patient_id != name else ""
    return tuple(filter(None, (name, number, person)))


def study_lines(source: Provenance, phi: Phi) -> tuple[str, ...]:
    """Study, institution and date, as far as they may be shown; empty ones left out."""
    if phi == "hidden":
        return ()
    institution = source.institution if phi == "full" else ""
    return tuple(filter(None, (source.study_description, institution, date_text(source.study_date))))


def person_line(source: Provenance, phi: Phi) -> str:
    """Who it is, on one line."""
    return " · ".join(person_lines(source, phi)) or "Unnamed patient"


def date_text(date: str) -> str:
    """DICOM's YYYYMMDD with dashes; anything else as it is."""
    return f"{date[:4]}-{date[4:6]}-{date[6:]}" if len(date) == 8 and date.isdigit() else date
