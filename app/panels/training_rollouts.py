"""The rollout browser: steps, their groups, the picture, the completions with what each was paid. Plain text only."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QSignalBlocker, QSize, Qt, QTimer
from PySide6.QtGui import QColor, QIcon, QKeyEvent, QPixmap, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPlainTextEdit,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from app.panels.parts import Row, RowList, as_panel, label
from app.panels.training_table import CompletionTable
from app.theme import ACCENT, MODEL, MUTED, TEXT
from app.training.completions import Completion, Group, read, steps
from app.training.configs import weights_of
from app.training.run import Run
from engine.ct.errors import InputError

EMPTY = "Completions come with GRPO: every logged step leaves its groups here. Supervised training has none."
_STEP = Qt.ItemDataRole.UserRole
_KEYS = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: +1}
_PAGES = {Qt.Key.Key_PageUp: -1, Qt.Key.Key_PageDown: +1}
_OWN = frozenset({Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Home, Qt.Key.Key_End, *_KEYS, *_PAGES})
_THUMB = 36


class Rollouts(QWidget):
    """Follows one run. The newest step is shown as it comes, as long as the newest one is in front."""

    def __init__(self) -> None:
        super().__init__()
        as_panel(self)
        self._run: Run | None = None
        self._weights: dict[str, float] = {}
        self._groups: tuple[Group, ...] = ()
        self._prompt = ""
        self.steps = QListWidget()
        self.steps.setToolTip("Steps whose completions were logged, with their mean reward")
        self.groups = RowList(picture=_THUMB)
        self.groups.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.only_spread = QCheckBox("Only with spread")
        self.only_spread.setToolTip("Leave out groups whose completions were all paid alike: they teach nothing")
        self.picture = _Picture()
        self.asked = label("", "", wrap=True)
        self.asked.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.table = CompletionTable()
        self.text = QPlainTextEdit(readOnly=True)
        self.empty = label(EMPTY, "muted", wrap=True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.split = QSplitter(Qt.Orientation.Horizontal)
        self._lay_out()
        self.steps.currentItemChanged.connect(lambda item, former: self._show_step())
        self.groups.currentItemChanged.connect(lambda item, former: self._show_group())
        self.only_spread.toggled.connect(self._show_groups)
        self.table.chosen.connect(self._show_completion)
        for part in (self.steps, self.groups, self.table):
            part.installEventFilter(self)
        self.split.hide()

    def _lay_out(self) -> None:
        beside = QWidget()
        column = QVBoxLayout(beside)
        column.setContentsMargins(8, 4, 8, 4)
        column.setSpacing(4)
        column.addWidget(self.picture, 1)
        column.addWidget(self.asked)
        listed = QWidget()
        rows = QVBoxLayout(listed)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(2)
        rows.addWidget(self.only_spread)
        rows.addWidget(self.groups, 1)
        for part, least in ((self.steps, 84), (listed, 150), (beside, 130), (self.table, 260), (self.text, 180)):
            part.setMinimumWidth(least)
            self.split.addWidget(part)
        self.split.setChildrenCollapsible(False)
        self.split.setSizes([100, 180, 200, 500, 260])
        for number, share in enumerate((0, 0, 2, 3, 3)):
            self.split.setStretchFactor(number, share)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.empty)
        layout.addWidget(self.split, 1)

    # What is shown

    def show_run(self, run: Run | None) -> None:
        """Show another run's completions, the newest step first."""
        if run is not self._run:
            self._run = run
            self._weights = weights_of(run.folder) if run is not None else {}
            with QSignalBlocker(self.steps):
                self.steps.clear()
            self._groups = ()
            self.news()

    def news(self) -> None:
        """New steps may be there."""
        if self._run is None or not self.isVisible():
            return
        found = steps(self._run.folder)
        self.empty.setVisible(not found)
        self.split.setVisible(bool(found))
        at_end = self.steps.currentRow() == self.steps.count() - 1
        known = {self.steps.item(row).data(_STEP) for row in range(self.steps.count())}
        new = [step for step in found if step not in known]
        for step in new:
            self._add_step(step)
        if new and at_end:
            self.steps.setCurrentRow(self.steps.count() - 1)
            QTimer.singleShot(0, self, self.steps.scrollToBottom)  # once the list knows its height

    def showEvent(self, event: object) -> None:
        """What came while it was hidden."""
        self.news()

    def _add_step(self, step: int) -> None:
        reward = self._run.log.points.get("reward", {}).get(step) if self._run is not None else None
        item = QListWidgetItem(f"{step}" if reward is None else f"{step}  ·  {reward:.2f}", self.steps)
        item.setData(_STEP, step)

    def _show_step(self) -> None:
        item = self.steps.currentItem()
        self._groups = ()
        trouble = ""
        if item is not None and self._run is not None:
            file = steps(self._run.folder).get(item.data(_STEP))
            try:
                self._groups = read(file, self._weights) if file is not None else ()
            except InputError as error:
                trouble = str(error)
        self._show_groups()
        if trouble:
            self.text.setPlainText(trouble)

    def _show_groups(self) -> None:
        """The list, the group in front at the same place as before."""
        place = max(self.groups.currentRow(), 0)
        chosen = [group for group in self._groups if not (self.only_spread.isChecked() and group.flat)]
        with QSignalBlocker(self.groups):
            self.groups.set_rows(tuple(_row(group) for group in chosen))
            for number, group in enumerate(chosen):
                if group.picture is not None:
                    self.groups.item(number).setIcon(_icon(group.picture))
            self.groups.setCurrentRow(min(place, len(chosen) - 1))
        self._show_group()

    def _show_group(self) -> None:
        item = self.groups.currentItem()
        group: Group | None = self.groups.row_at(item).data if item is not None else None
        self.picture.show_png(group.picture if group is not None else None)
        left_out = "All groups of this step were paid alike." if self._groups and group is None else ""
        asks = f" · asked for the {group.asks}" if group is not None and group.asks else ""
        self.asked.setText(f"Truth: {group.truth or 'not logged'}{asks}" if group is not None else left_out)
        self._prompt = group.prompt if group is not None else ""
        self.table.show_group(group)

    def _show_completion(self, one: Completion | None) -> None:
        self.text.clear()
        if one is not None:
            write(self.text, self._prompt, one.text)
            self.text.moveCursor(QTextCursor.MoveOperation.Start)

    # Keys

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Arrows are the lists' own here; left and right change the group, PgUp and PgDn the step."""
        if isinstance(event, QKeyEvent) and event.modifiers() in (
            Qt.KeyboardModifier.NoModifier,
            Qt.KeyboardModifier.KeypadModifier,
        ):
            key = Qt.Key(event.key())
            if event.type() == QEvent.Type.ShortcutOverride and key in _OWN:
                event.accept()
                return True
            if event.type() == QEvent.Type.KeyPress and (key in _KEYS or key in _PAGES):
                parts: QListWidget = self.groups if key in _KEYS else self.steps
                _move(parts, _KEYS[key] if key in _KEYS else _PAGES[key])
                return True
        return False


class _Picture(QLabel):
    """What the model saw, enlarged by whole factors where there is room."""

    def __init__(self) -> None:
        super().__init__()
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setMinimumSize(QSize(96, 96))
        self._whole = QPixmap()

    def show_png(self, data: bytes | None) -> None:
        """Show a picture; None says that none was kept."""
        self._whole = QPixmap()
        if data is None or not self._whole.loadFromData(data):
            self.setText("No picture was kept.")
        self._fit()

    def resizeEvent(self, event: object) -> None:
        """The largest factor that fits."""
        self._fit()

    def _fit(self) -> None:
        if self._whole.isNull():
            return
        room = min(self.width() / self._whole.width(), self.height() / self._whole.height())
        smooth = Qt.TransformationMode.SmoothTransformation
        mode = smooth if room < 1 else Qt.TransformationMode.FastTransformation
        size = self._whole.size() * (int(room) if room >= 1 else room)
        self.setPixmap(self._whole.scaled(size, Qt.AspectRatioMode.KeepAspectRatio, mode))


def write(field: QPlainTextEdit, prompt: str, text: str) -> None:
    """What was asked, and the reply as plain text: tags muted, stages in the model's colour, the answer marked."""
    cursor = QTextCursor(field.document())
    cursor.insertText(f"{prompt}\n\n", _format(MUTED))
    in_answer = False
    for line in text.splitlines(keepends=True):
        in_answer = in_answer or "<answer>" in line
        stage, colon, rest = line.partition(":")
        if line.strip() in ("<think>", "</think>"):
            cursor.insertText(line, _format(MUTED))
        elif in_answer:
            cursor.insertText(line, _format(ACCENT))
        elif colon and len(stage.split()) == 1:
            cursor.insertText(stage + colon, _format(MODEL))
            cursor.insertText(rest, _format(TEXT))
        else:
            cursor.insertText(line, _format(TEXT))
        in_answer = in_answer and "</answer>" not in line


def _format(colour: str) -> QTextCharFormat:
    made = QTextCharFormat()
    made.setForeground(QColor(colour))
    return made


def _row(group: Group) -> Row:
    spread = "no spread" if group.flat else f"± {group.spread:.2f}"
    tip = f"{group.case}\n{group.prompt}".strip()
    detail = " · ".join(filter(None, (f"{group.mean:.2f} {spread}", group.asks)))
    return Row(group.truth or group.case, detail, "ph.image", MUTED, tip=tip, data=group)


def _icon(png: bytes) -> QIcon:
    picture = QPixmap()
    picture.loadFromData(png)
    return QIcon(picture)


def _move(view: QAbstractItemView, by: int) -> None:
    model = view.model()
    row = view.currentIndex().row() + by
    if 0 <= row < model.rowCount():
        view.setCurrentIndex(model.index(row, 0))
