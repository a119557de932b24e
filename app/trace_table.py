"""The saved traces of all cases as a Qt table: what each column says, sorts by and filters. No widgets here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QSortFilterProxyModel, Qt
from PySide6.QtGui import QColor

from app.panels.parts import icon, plain_tip
from app.theme import ACCENT, BAD, GOOD, MUTED
from engine.reasoning.records import Record, short

Index = QModelIndex | QPersistentModelIndex
SORT = Qt.ItemDataRole.UserRole
RECORD = Qt.ItemDataRole.UserRole + 1
TORN = 1.0  # bits: from here on the samples do not agree
TESTED = {"yes": "✓ rests on it", "no": "✗ does not", "cannot tell": "? cannot tell", "": ""}
_VERDICTS = {"accepted": "ph.check-circle", "corrected": "ph.pencil-simple", "rejected": "ph.x-circle"}
_COLOURS = {"accepted": GOOD, "corrected": ACCENT, "rejected": BAD, "yes": GOOD, "no": BAD, "cannot tell": MUTED}


@dataclass(frozen=True)
class Column:
    """One column: its title, its text, what it sorts by, and its tooltip in the header."""

    title: str
    text: Callable[[Record], str]
    key: Callable[[Record], Any]
    tip: str
    number: bool = False


def time_text(at: str) -> str:
    """ISO 8601 in UTC as local time to the minute; as it is where it is none."""
    try:
        return datetime.fromisoformat(at).astimezone().strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return at


def verdict_text(record: Record) -> str:
    """Such as "corrected: cavity"."""
    return f"{record.verdict}: {record.correction}" if record.correction else record.verdict


def _false(record: Record) -> str:
    return f"{record.false_claims} of {record.claims}" if record.claims else ""


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _known(value: float | None) -> float:
    """What is not known sorts below all that is."""
    return -1.0 if value is None else value


def columns(case: Callable[[Record], str]) -> tuple[Column, ...]:
    """All columns; `case` says how a case may be named now."""
    return (
        Column("Case", case, case, "The scan, as far as patient data may be shown"),
        Column("Time", lambda r: time_text(r.at), lambda r: r.at, "When it was answered"),
        Column("Model", lambda r: short(r.model), lambda r: short(r.model), "Which model answered"),
        Column("Question", lambda r: r.question, lambda r: r.question, "What was asked"),
        Column("Answer", lambda r: r.answer or f"({r.ended or 'none'})", lambda r: r.answer, "What it answered"),
        Column(
            "p", lambda r: _number(r.p, 2), lambda r: _known(r.p), "The answer's probability given its reasoning", True
        ),
        Column("Verdict", verdict_text, verdict_text, "The reader's word on it"),
        Column(
            "Entropy",
            lambda r: _number(r.entropy_bits, 2),
            lambda r: _known(r.entropy_bits),
            "How torn several samples were, bits; empty for one sample",
            True,
        ),
        Column(
            "False", _false, lambda r: r.false_claims, "Statements that the measurement refutes, of all checked", True
        ),
        Column("ROI test", lambda r: TESTED[r.rests], lambda r: r.rests, "Whether the answer rests on the ROI"),
    )


class TraceModel(QAbstractTableModel):
    """Holds the records as they come."""

    def __init__(self, case: Callable[[Record], str]) -> None:
        super().__init__()
        self.columns = columns(case)
        self.records: list[Record] = []

    def show(self, records: list[Record]) -> None:
        """Other records."""
        self.beginResetModel()
        self.records = records
        self.endResetModel()

    def renamed(self) -> None:
        """Cases are named otherwise now."""
        if self.records:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self.records) - 1, 0))

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008  Qt's own signature
        """One a trace."""
        return 0 if parent.isValid() else len(self.records)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """One a column."""
        return 0 if parent.isValid() else len(self.columns)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Titles."""
        if orientation == Qt.Orientation.Horizontal:
            column = self.columns[section]
            return {Qt.ItemDataRole.DisplayRole: column.title, Qt.ItemDataRole.ToolTipRole: column.tip}.get(
                Qt.ItemDataRole(role)
            )
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, tooltip (the whole of it), sort key, colour and sign; never markup."""
        record, column = self.records[index.row()], self.columns[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return " ".join(column.text(record).split())
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(column.text(record))
        if role == SORT:
            return column.key(record)
        if role == RECORD:
            return record
        if role == Qt.ItemDataRole.TextAlignmentRole and column.number:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return self._mark(record, column.title, role)

    @staticmethod
    def _mark(record: Record, title: str, role: int) -> Any:
        word = {"Verdict": record.verdict, "ROI test": record.rests}.get(title, "")
        if role == Qt.ItemDataRole.ForegroundRole:
            torn = title == "Entropy" and (record.entropy_bits or 0) >= TORN
            wrong = title == "False" and record.false_claims > 0
            colour = BAD if wrong else ACCENT if torn else _COLOURS.get(word)
            return QColor(colour) if colour else None
        if role == Qt.ItemDataRole.DecorationRole and title == "Verdict" and word in _VERDICTS:
            return icon(_VERDICTS[word], _COLOURS[word])
        return None


@dataclass(frozen=True)
class Wanted:
    """What the reader wants to see: "" or None lets everything through."""

    words: str = ""
    answer: str | None = None
    model: str | None = None
    verdict: str | None = None
    rests: str | None = None
    claims: str | None = None  # "false" or "none false"
    entropy: str | None = None  # "torn", "agreed" or "one sample"
    texts: Callable[[Record], str] = field(default=lambda record: "", compare=False)  # where words are looked for

    def holds(self, record: Record) -> bool:
        """Whether a record is among them."""
        exact = (
            (self.answer, record.answer),
            (self.model, short(record.model)),
            (self.verdict, record.verdict),
            (self.rests, record.rests),
            (self.claims, claims_kind(record)),
            (self.entropy, entropy_kind(record)),
        )
        if any(wanted is not None and wanted != value for wanted, value in exact):
            return False
        found = self.texts(record).casefold() if self.words else ""
        return all(word in found for word in self.words.casefold().split())


def claims_kind(record: Record) -> str:
    """ "false", "none false", or "" where nothing was checked."""
    return "false" if record.false_claims else "none false" if record.claims else ""


def entropy_kind(record: Record) -> str:
    """ "torn", "agreed", or "one sample"."""
    if record.entropy_bits is None:
        return "one sample"
    return "torn" if record.entropy_bits >= TORN else "agreed"


class Filtered(QSortFilterProxyModel):
    """Sorted by any column, filtered by what is wanted."""

    def __init__(self, source: TraceModel) -> None:
        super().__init__()
        self._source = source
        self._wanted = Wanted()
        self.setSourceModel(source)
        self.setSortRole(SORT)
        self.setSortCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)

    def want(self, wanted: Wanted) -> None:
        """Show only these."""
        self.beginFilterChange()
        self._wanted = wanted
        self.endFilterChange()

    def filterAcceptsRow(self, row: int, parent: Index) -> bool:
        """Whether a record is wanted."""
        return self._wanted.holds(self._source.records[row])
