"""The window: viewports in the middle, series and findings left, reasoning right, all laid out from tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QCursor, QDragEnterEvent, QDropEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QDockWidget, QFileDialog, QMainWindow, QVBoxLayout, QWidget

from app.actions import CONTEXT_ROI, CONTEXT_SERIES, CONTEXT_VIEW
from app.actions_3d import CONTEXT_3D
from app.compare_actions import CONTEXT_COMPARED
from app.desk import Desk
from app.library import Study
from app.measure_actions import CONTEXT_MEASUREMENT
from app.menus import Menus
from app.panels.about import About
from app.panels.bottom import Bottom
from app.panels.bottom_pages import PAGES
from app.panels.findings_panel import FindingsPanel
from app.panels.help_panel import HelpPanel
from app.panels.live_menus import LiveMenus
from app.panels.masks_panel import MasksPanel
from app.panels.merging import Merging
from app.panels.message_bar import MessageBar
from app.panels.models_page import ModelsPage
from app.panels.panes import Panes
from app.panels.picture_taker import PictureTaker
from app.panels.reasoning_panel import ReasoningPanel
from app.panels.series_panel import SeriesPanel
from app.panels.shell import Shell
from app.panels.status import Status
from app.panels.training_desk import TrainingDesk
from app.panels.warnings_dialog import WarningsDialog
from app.tools.figures import MEASURING
from app.viewing import Viewing
from engine.ct.errors import InputError

if TYPE_CHECKING:
    from engine.ct.series import Series

FILES = "CT images (*.dcm *.ima *.nii *.nii.gz *.nrrd *.nhdr *.mha *.mhd *.zip *.loupe DICOMDIR);;All files (*)"
_OVERLAYS = ("full", "minimal", "off")
SIZE = (1440, 900)
WIDE = 1600  # px
LAYOUT_VERSION = 1


class MainWindow(QMainWindow):
    """Shows a desk. What the actions do with widgets is here; everything else is the desk's."""

    closed = Signal()
    desk: Desk
    panes: Panes
    bottom: Bottom
    training: TrainingDesk
    shell: Shell
    merging: Merging
    pictures: PictureTaker

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self.setWindowTitle("Loupe CT")
        self.setAcceptDrops(True)
        self.setDockOptions(QMainWindow.DockOption.AllowTabbedDocks | QMainWindow.DockOption.AllowNestedDocks)
        self.message = MessageBar()
        self.panes = Panes(desk)
        self.series = SeriesPanel(desk)
        self.findings = FindingsPanel(desk)
        self.reasoning = ReasoningPanel(desk)
        self.masks = MasksPanel(desk)
        self.status = Status(desk)
        self.docks = self._dock_all()
        self.legend = self._dock("Masks", self.masks, Qt.DockWidgetArea.LeftDockWidgetArea, 200)
        self.bottom = Bottom(self, PAGES)
        self.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, self.bottom)
        self.training = TrainingDesk(self)
        self._hidden: list[QDockWidget] = []
        self._leaving = False  # by the reader's own action
        self.menus = Menus(self, desk.settings.keys)
        self.shell, self.merging, self.pictures = Shell(self), Merging(self), PictureTaker(self)
        self.live_menus = LiveMenus(self)
        self.setCentralWidget(self._centre())
        self.setStatusBar(self.status)
        self._connect()
        self.resize(*SIZE)
        self._restore()

    def _dock_all(self) -> dict[str, QDockWidget]:
        left, right = Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea
        table = (
            ("Series", self.series, left, 200),
            ("Findings", self.findings, left, 200),
            ("Reasoning", self.reasoning, right, 304),
        )
        docks = {title.lower(): self._dock(title, panel, area, least) for title, panel, area, least in table}
        self.setCorner(Qt.Corner.TopLeftCorner, left)
        self.setCorner(Qt.Corner.TopRightCorner, right)
        self.setCorner(Qt.Corner.BottomLeftCorner, left)  # what opens below takes its height from the pictures only
        self.setCorner(Qt.Corner.BottomRightCorner, right)
        return docks

    def _dock(self, title: str, panel: QWidget, area: Qt.DockWidgetArea, least: int) -> QDockWidget:
        dock = QDockWidget(title, self)
        dock.setObjectName(title.lower())
        dock.setWidget(panel)
        panel.setMinimumWidth(least)
        self.addDockWidget(area, dock)
        return dock

    def _share_out(self) -> None:
        """The docks' first sizes."""
        wide = self.width() >= WIDE
        left, right = (296, 424) if wide else (240, 328)
        self.resizeDocks(list(self.docks.values()), [left, left, right], Qt.Orientation.Horizontal)
        self.resizeDocks([self.docks["series"], self.docks["findings"]], [440, 460], Qt.Orientation.Vertical)
        self.reasoning.share_out(self.height())

    def _centre(self) -> QWidget:
        centre = QWidget()
        layout = QVBoxLayout(centre)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.message)
        layout.addWidget(self.panes, 1)
        return centre

    def _connect(self) -> None:
        desk = self.desk
        desk.failed.connect(self.message.say)
        desk.case.begun.connect(lambda series: self.message.hide())
        desk.viewing.changed.connect(self._masks_changed)
        desk.suggested.connect(self.status.show_progress)
        self.panes.hovered.connect(self.status.hover)
        self.panes.hovered_beside.connect(lambda point: self.status.hover(point, desk.comparison.second))
        self.panes.context_asked.connect(self._context)
        self.panes.context_3d_asked.connect(lambda: self._popup(CONTEXT_3D))
        self.panes.beside.context_asked.connect(lambda: self._popup(CONTEXT_COMPARED))
        self.findings.context_asked.connect(lambda at, roi_id: self.menus.popup(CONTEXT_ROI, at))
        self.findings.measured.context_asked.connect(lambda at: self.menus.popup(CONTEXT_MEASUREMENT, at))
        self.findings.measured.copy_asked.connect(self.menus.qactions["copy_measurements"].trigger)
        self.findings.draw_asked.connect(self.menus.qactions["tool_roi"].trigger)
        self.findings.suggest_asked.connect(self.menus.qactions["suggest"].trigger)
        self.series.context_asked.connect(self._series_context)
        self.series.open_asked.connect(self.choose_folder)
        self.series.sample_asked.connect(desk.open_sample)
        self.reasoning.model_asked.connect(self.choose_model)
        self.status.model_asked.connect(self.choose_model)
        self.status.warnings_asked.connect(self.show_warnings)

    # What actions do

    def open(self, paths: list[Path], series_uid: str = "") -> None:
        """Open DICOM folders, files or a session."""
        self.message.hide()
        self.desk.case.open(paths, series_uid)

    def choose_folder(self) -> None:
        """Ask for a folder of images."""
        folder = QFileDialog.getExistingDirectory(self, "Open folder", self.desk.settings.folder)
        if folder:
            self.desk.settings.folder = folder
            self.open([Path(folder)])

    def choose_file(self) -> None:
        """Ask for image files or a saved session."""
        names, _ = QFileDialog.getOpenFileNames(self, "Open file", self.desk.settings.folder, FILES)
        if names:
            self.desk.settings.folder = str(Path(names[0]).parent)
            self.open([Path(name) for name in names])

    def export_reading(self) -> None:
        """Write the reading as JSON."""
        name, _ = QFileDialog.getSaveFileName(self, "Export reading", "reading.json", "JSON (*.json)")
        if name and self.desk.case.session is not None:
            try:
                self.desk.case.session.export_json(Path(name), self.desk.measuring.export())
            except InputError as error:
                self.message.say(str(error))
            else:
                self.desk.said.emit(f"Exported to {name}.")

    def explain(self) -> None:
        """Ask what the reasoning panel's fields say."""
        self.docks["reasoning"].show()
        self.reasoning.explain()

    def correct(self) -> None:
        """Correct the answer in place."""
        self.docks["reasoning"].show()
        self.reasoning.answer.edit()

    def choose_model(self) -> None:
        """What models there are, and which one answers."""
        page = self.findChild(ModelsPage)
        if page is not None:
            page.raise_()
            page.activateWindow()
            return
        page = ModelsPage(self.desk, self.desk.models, self)
        page.chosen.connect(lambda model: self.message.hide())
        self.show_panel(page)

    def reset(self) -> None:
        """Window, zoom and pan as at first; the slice stays."""
        self.desk.reset()
        self.panes.reset()

    def escape(self) -> None:
        """Cancel what is under way; else put a measuring tool away; else reset."""
        if self.pictures.cancel() or self.desk.cancel():
            return
        if self.desk.viewing.state.tool in MEASURING:
            self.desk.viewing.set(tool="scroll")
        else:
            self.reset()

    def rename(self) -> None:
        """Type another name for the selected ROI or measurement, in its list."""
        self.docks["findings"].show()
        self.findings.rename()

    def next_overlays(self) -> None:
        """Full, minimal, off, and round."""
        state = self.desk.viewing.state
        self.desk.viewing.set(overlays=_OVERLAYS[(_OVERLAYS.index(state.overlays) + 1) % 3])

    def toggle_panels(self) -> None:
        """Hide every panel, or show again those that were hidden so."""
        all_docks = (*self.docks.values(), self.legend, self.bottom)
        shown = [dock for dock in all_docks if not dock.isHidden()]  # those behind a tab are not hidden
        for dock in shown or self._hidden or self.docks.values():
            dock.setVisible(not shown)
        self._hidden = [*self._hidden, *shown] if shown else []

    def toggle_full_screen(self) -> None:
        """The whole screen, and back."""
        window = self.panes.windows.active(self)
        window.setWindowState(window.windowState() ^ Qt.WindowState.WindowFullScreen)

    def show_help(self) -> None:
        """Keys and actions, searchable."""
        self.show_panel(HelpPanel(self.menus, self))

    def show_warnings(self) -> None:
        """What the reader must know of this series."""
        self.show_panel(WarningsDialog(self.desk.case.warnings, self))

    def show_about(self) -> None:
        """What this is, and where the shown data come from."""
        credit = self.desk.case.credit
        self.show_panel(About(credit.full if credit is not None else "", self))

    def show_panel(self, dialog: QWidget) -> None:
        """Show a dialog that is not modal."""
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.show()

    def _masks_changed(self, old: Viewing, new: Viewing) -> None:
        """The legend comes with every mask that is opened and goes with the last."""
        if [each.map for each in old.masks] != [each.map for each in new.masks]:
            self.legend.setVisible(bool(new.masks))
            self.resizeDocks(
                [self.docks["series"], self.docks["findings"], self.legend], [250, 250, 500], Qt.Orientation.Vertical
            )

    def _context(self, point: object, roi_id: str) -> None:
        if roi_id:
            self.desk.viewing.set(selected=roi_id)
        measured = self.desk.measuring.selected is not None and roi_id
        context = CONTEXT_MEASUREMENT if measured else CONTEXT_ROI if roi_id else CONTEXT_VIEW
        self._popup(context)

    def _popup(self, keys: tuple[str, ...]) -> None:
        self.menus.popup(keys, QCursor.pos() + QPoint(1, 1))

    def _series_context(self, at: QPoint, study: Study | None, series: Series | None) -> None:
        menu = self.menus.popup(CONTEXT_SERIES, at)
        if series is not None and series.source is not None and self.desk.ready:
            menu.addSeparator()
            menu.addAction("Compare beside").triggered.connect(lambda: self.desk.comparison.show(series))
        if study is not None:
            menu.addSeparator()
            menu.addAction("Close this study").triggered.connect(lambda: self.desk.case.close_study(study))

    # Layout over restarts

    def _restore(self) -> None:
        settings = self.desk.settings
        if settings.geometry:
            self.restoreGeometry(QByteArray.fromBase64(settings.geometry.encode()))
        self._fresh = not settings.docks
        if settings.docks:
            self.restoreState(QByteArray.fromBase64(settings.docks.encode()), LAYOUT_VERSION)
        self.legend.hide()
        self.panes.restore(settings)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Every tool stays within reach."""
        super().resizeEvent(event)
        self.menus.fit(event.size().width())

    def showEvent(self, event: QShowEvent) -> None:
        """The first time, with nothing to restore, the panels get their share of the window."""
        super().showEvent(event)
        if self._fresh:
            self._fresh = False
            QTimer.singleShot(0, self, self._share_out)  # once the layout knows the window's size

    def remember(self) -> None:
        """Put the layout into the settings."""
        settings = self.desk.settings
        self.bottom.tall.setChecked(False)
        for dock in self._hidden:
            dock.show()
        settings.geometry = bytes(self.saveGeometry().toBase64().data()).decode()
        settings.docks = bytes(self.saveState(LAYOUT_VERSION).toBase64().data()).decode()
        self.panes.remember(settings)

    def leave(self) -> None:
        """Close as the reader does, who may be asked something first."""
        self._leaving = True
        self.close()
        self._leaving = False

    def closeEvent(self, event: QCloseEvent) -> None:
        """Only a training run is asked about, and only a reader: everything else is saved already."""
        if (event.spontaneous() or self._leaving) and not self.training.may_close():
            event.ignore()
            return
        self.remember()
        self.panes.attach_all(self.panes.windows.names)
        self.closed.emit()
        event.accept()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Files may be dropped."""
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open what was dropped."""
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.open(paths)
        else:
            self.message.say("Only files and folders of this machine can be dropped here; save the scan first.")
