"""The model page: what is on this machine, what each model needs, which one answers, on which device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QProgressBar,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.job import Job
from app.models import DEVICES, PRECISIONS, Models, loaded_share, machine_text
from app.panels.model_facts import KINDS, facts
from app.panels.parts import KeepKeys, Row, RowList, button, label
from app.theme import ACCENT, BAD, MUTED
from engine.ct.errors import InputError
from engine.reasoning.explain import BUNDLED
from engine.reasoning.inventory import Installed, inspected, installed

if TYPE_CHECKING:
    from app.desk import Desk

EXAMPLE = "Folder, hub id such as Qwen/Qwen2.5-VL-3B-Instruct, or http://127.0.0.1:8080/v1#model"
REMOTE = "Run the code that comes with this model (remote code); only if you trust its makers"
_ICONS = {
    "bundled": "ph.package",
    "adapter": "ph.puzzle-piece",
    "folder": "ph.folder",
    "hub": "ph.cloud",
    "server": "ph.hard-drives",
}
POLL_MS = 200


class ModelsPage(QDialog):
    """Not modal. The list is read in a job; files of models are never deleted here."""

    chosen = Signal(str)  # the model that answers from now on, "" = bundled

    def __init__(self, desk: Desk, models: Models, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Models")
        self._desk, self._models = desk, models
        self._found: dict[str, Installed] = {}
        self._wanted = models.current  # to be selected once it is listed
        self._job: Job | None = None
        self.list = RowList()
        self.name = label("", "heading")
        self.fault = label("", "bad", wrap=True)
        self.facts = QGridLayout()
        self.address = QLineEdit()
        self.device, self.precision = QComboBox(), QComboBox()
        self.remote = QCheckBox(REMOTE)
        self.away = QCheckBox()
        self.use = button("Use this model", "Load it and answer with it from now on", "primary")
        self.state = label("", "muted", wrap=True)
        self.machine = label("", "muted")
        self.progress = QProgressBar(minimum=0, maximum=1000, textVisible=False)
        self.cancel = button("Cancel loading", "End the model's process; the next question loads it", "link")
        self.forget = button("Take off the list", "Its files stay where they are")
        self._lay_out()
        self._connect()
        self._poll = QTimer(self, interval=POLL_MS)
        self._poll.timeout.connect(self._show_loading)
        self._poll.start()
        self._show_loading()
        self.read()

    def _lay_out(self) -> None:
        whole = QHBoxLayout(self)
        whole.setContentsMargins(16, 16, 16, 16)
        whole.setSpacing(16)
        whole.addLayout(self._left(), 2)
        whole.addLayout(self._right(), 3)
        self.resize(940, 640)

    def _left(self) -> QVBoxLayout:
        self.address.setPlaceholderText(EXAMPLE)
        self.address.setToolTip(EXAMPLE)
        self.address.setClearButtonEnabled(True)
        KeepKeys(self.address)
        add, browse = button("Add", "Put it on the list"), button("Folder…", "Choose a model's folder")
        add.setAutoDefault(False)
        browse.setAutoDefault(False)
        add.clicked.connect(self._add)
        browse.clicked.connect(self._browse)
        self.address.returnPressed.connect(self._add)
        row = QHBoxLayout()
        row.addWidget(browse)
        row.addWidget(add)
        row.addStretch(1)
        row.addWidget(self.forget)
        column = QVBoxLayout()
        column.setSpacing(8)
        column.addWidget(self.list, 1)
        column.addWidget(self.address)
        column.addLayout(row)
        return column

    def _right(self) -> QVBoxLayout:
        inner = QWidget()
        box = QVBoxLayout(inner)
        box.setContentsMargins(0, 0, 8, 0)
        box.addLayout(self.facts)
        box.addStretch(1)
        self.facts.setColumnStretch(1, 1)
        self.facts.setHorizontalSpacing(12)
        self.facts.setVerticalSpacing(6)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(inner)
        for combo, choices, now in (
            (self.device, DEVICES, self._desk.settings.device),
            (self.precision, PRECISIONS, self._desk.settings.precision),
        ):
            for value, text in choices:
                combo.addItem(text, value)
            combo.setCurrentIndex(combo.findData(now))
        self.device.setToolTip("Where the model computes")
        self.precision.setToolTip("8- and 4-bit need bitsandbytes or torchao, and a device that they know")
        options = QHBoxLayout()
        options.addWidget(self.device, 1)
        options.addWidget(self.precision, 1)
        options.addWidget(self.use)
        loading = QHBoxLayout()
        loading.addWidget(self.progress, 1)
        loading.addWidget(self.cancel)
        column = QVBoxLayout()
        column.setSpacing(8)
        column.addWidget(self.name)
        column.addWidget(self.fault)
        column.addWidget(area, 1)
        column.addWidget(self.remote)
        column.addWidget(self.away)
        column.addWidget(self.machine)
        column.addWidget(self.state)
        column.addLayout(loading)
        column.addLayout(options)
        return column

    def _connect(self) -> None:
        self.list.currentItemChanged.connect(lambda item, _: self._show())
        self.list.itemActivated.connect(lambda item: self.use.click())
        self.use.clicked.connect(self._use)
        self.cancel.clicked.connect(self._models.cancel)
        self.forget.clicked.connect(self._forget)
        self.away.toggled.connect(self._allow)
        self._models.changed.connect(self._show_current)
        self._models.told.connect(self._say)

    @property
    def selected(self) -> Installed | None:
        """The model whose row is selected."""
        item = self.list.currentItem()
        found: Installed | None = self.list.row_at(item).data if item is not None else None
        return found

    def read(self) -> None:
        """Look for models again, in a job; rows come as they are found."""
        if self._job is not None:
            self._job.cancel()
        self._found = {}
        self._job = job = self._desk.jobs.run(installed(self._desk.settings.models))
        job.item.connect(self._took)
        job.finished.connect(self._looked)

    def _looked(self) -> None:
        self._job = None  # a finished one is deleted
        self._fill()
        if self.state.text() == "Looking…":
            self._say("", False)

    def _took(self, found: Installed) -> None:
        self._found[found.model] = found
        self._fill()

    def _fill(self) -> None:
        """Rows under a heading for each kind; the one that answers is marked."""
        now = self._models.current or str(BUNDLED)
        wanted = self.selected.model if self.selected is not None else self._wanted or str(BUNDLED)
        if now not in self._found and self._found:  # given on the command line, or no longer listed
            self._found[now] = inspected(now, "server" if now.startswith("http") else "folder")
        rows: list[Row] = []
        for kind, title in KINDS.items():
            of_kind = [each for each in self._found.values() if each.kind == kind]
            rows += [Row(title, "", heading=True)] if of_kind else []
            rows += [_row(each, each.model == now) for each in of_kind]
        self.list.set_rows(tuple(rows))
        for number in range(self.list.count()):
            found = self.list.row_at(self.list.item(number)).data
            if found is not None and found.model == wanted and self.list.currentRow() != number:
                self.list.setCurrentRow(number)
        self._show()

    def _show(self) -> None:
        """The selected model."""
        found = self.selected
        while self.facts.count():
            item = self.facts.takeAt(0)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self.name.setText(found.name if found is not None else "")
        self.fault.setText((found.fault or found.note) if found is not None else "")
        self.fault.setVisible(bool(self.fault.text()))
        named = self._named
        for row, (title, text, role) in enumerate(facts(found, self._models.speed(named)) if found is not None else ()):
            self.facts.addWidget(label(title, "muted"), row, 0, Qt.AlignmentFlag.AlignTop)
            value = label(text, role, wrap=True)
            value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            self.facts.addWidget(value, row, 1)
        self._show_choices(found)

    def _show_choices(self, found: Installed | None) -> None:
        kind = found.kind if found is not None else "bundled"
        here = found is None or self._models.allowed(found.model) or bool(found.fault)
        off = kind == "server" and found is not None and bool(found.note)
        self.away.blockSignals(True)
        self.away.setChecked(off and here)
        self.away.blockSignals(False)
        self.away.setVisible(off)
        self.away.setText("Pictures of the patient may be sent to this server" if off else "")
        self.remote.setVisible(kind in ("folder", "hub"))
        self.remote.setChecked(self._named in self._desk.settings.remote_code)
        self.device.setEnabled(kind != "server")
        self.precision.setEnabled(kind != "server")
        self.use.setEnabled(found is not None and not found.fault and here)
        self.forget.setEnabled(found is not None and found.model in self._desk.settings.models)

    @property
    def _named(self) -> str:
        """The selected model as settings name it."""
        found = self.selected
        return "" if found is None or found.kind == "bundled" else found.model

    def _use(self) -> None:
        found = self.selected
        if found is None or not self.use.isEnabled():
            return
        device, precision = self.device.currentData(), self.precision.currentData()
        self._say("", False)
        remote = self.remote.isChecked() and not self.remote.isHidden()
        self._models.use(self._named, remote_code=remote, device=device, precision=precision)
        self.chosen.emit(self._named)

    def _allow(self, allowed: bool) -> None:
        found = self.selected
        if found is not None:
            self._models.allow(found.model, allowed)
            self._show_choices(found)

    def _add(self) -> None:
        try:
            model = self._models.add(self.address.text())
        except InputError as error:
            self._say(str(error), True)
            return
        self.address.clear()
        self._say("Looking…", False)
        self._wanted = model
        self.list.setCurrentRow(-1)  # none, until the new one is listed
        self.read()

    def _browse(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Model folder", self.address.text())
        if folder:
            self.address.setText(folder)
            self._add()

    def _forget(self) -> None:
        found = self.selected
        if found is not None:
            self._models.forget(found.model)
            self._wanted = self._models.current
            self.read()

    def _say(self, text: str, fault: bool) -> None:
        self.state.setText(text)
        self.state.setObjectName("bad" if fault else "muted")
        self.state.style().polish(self.state)

    def _show_current(self) -> None:
        if self._found:
            self._fill()

    def _show_loading(self) -> None:
        """How far loading is, by the memory that the process holds; without a known size only that it goes on."""
        from engine.reasoning.host import HostedReasoner

        loading = self._models.loading
        self.progress.setVisible(loading)
        self.cancel.setVisible(loading)
        status = self._models.status
        self.machine.setText(f"This machine: {machine_text(status)}")
        if not loading:
            if status is not None and self.state.objectName() != "bad":
                self.state.setText(f"Loaded: {status.dtype} on {status.device}" if status.dtype else "Ready")
            return
        reasoner = self._desk.explainer.asker.reasoner
        now = self._found.get(self._models.current or str(BUNDLED))
        pid = reasoner.pid if isinstance(reasoner, HostedReasoner) else None
        share = loaded_share(pid, now.needs_mb(self.precision.currentData()) if now is not None else 0.0)
        self.progress.setMaximum(1000 if share is not None else 0)
        self.progress.setValue(round((share or 0) * 1000))


def _row(found: Installed, current: bool) -> Row:
    detail = found.fault or found.note or " · ".join(filter(None, (found.architecture, found.licence))) or found.model
    colour = BAD if found.fault else ACCENT if current else MUTED
    return Row(found.name, detail, _ICONS[found.kind], colour, "answers" if current else "", found.model, found)
