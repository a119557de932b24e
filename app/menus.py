"""QActions out of the table: menus, toolbar, context menus; texts and states follow what is possible."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QSize, Qt, QTimer
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QToolBar, QToolButton

from app.action import Action
from app.actions import ACTIONS, ALWAYS_LABELLED, BY_KEY, LABELLED, MENUS, TOOLBAR
from app.panels.parts import icon
from app.theme import ACCENT, TEXT

if TYPE_CHECKING:
    from app.main_window import MainWindow

_SUBMENU_ICONS = {
    "Measure": ("ph.ruler", "Measure"),
    "View/Layout": ("ph.squares-four", "Layout"),
    "View/Slab": ("ph.stack", "Slab"),
    "View/Window presets": ("ph.sliders", "Preset"),
}


class Menus:
    """Made once per window. `refresh` asks every action anew, at most once per turn of the event loop."""

    def __init__(self, window: MainWindow, keys: dict[str, str]) -> None:
        self._window = window
        self._changed_keys = keys
        self.qactions = {action.key: self._qaction(action) for action in ACTIONS}
        self.menus: dict[str, QMenu] = {}
        for name in MENUS:
            self.menus[name] = window.menuBar().addMenu(name)
        for action in ACTIONS:
            self._menu(action.menu).addAction(self.qactions[action.key])
        self._drop_downs: dict[str, QToolButton] = {}
        self.toolbar = self._toolbar()
        self._full = self.toolbar.sizeHint().width()  # px, with all texts
        self._later = QTimer(window, singleShot=True, interval=0)
        self._later.timeout.connect(self.refresh)
        window.desk.changed.connect(self._later.start)
        self.refresh()

    def keys(self, action: Action) -> Sequence[str]:
        """The shortcuts of an action, as the reader set them or as they come."""
        changed = self._changed_keys.get(action.key)
        if changed is not None:
            return tuple(filter(None, (changed,)))
        own = _names(tuple(self._changed_keys.values()))  # what the reader chose goes before what comes with us
        return tuple(key for key in action.shortcut if not _names((key,)) & own)

    def shown_keys(self, action: Action) -> str:
        """The shortcuts of an action as the system writes them."""
        native = QKeySequence.SequenceFormat.NativeText
        return ", ".join(QKeySequence(key).toString(native) for key in self.keys(action))

    def rebind(self, action: Action, key: str | None) -> str:
        """Give an action another key ("" none, None the usual ones); a sentence instead where the key is taken."""
        wanted = _names(action.shortcut if key is None else (key,))
        for other in ACTIONS:
            if other is not action and wanted & _names(self.keys(other)):
                return f"That key belongs to “{other.text.rstrip('…')}”; give that another one first."
        if key is None:
            self._changed_keys.pop(action.key, None)
        else:
            self._changed_keys[action.key] = key
        self._set_all_keys()
        return ""

    def restore_keys(self) -> None:
        """All keys as they came."""
        self._changed_keys.clear()
        self._set_all_keys()

    def _set_all_keys(self) -> None:
        """Of all: a key that one gives up may be another's usual one."""
        for action in ACTIONS:
            self._set_keys(action, self.qactions[action.key])

    def refresh(self) -> None:
        """Enabled, checked and titles as they are now."""
        for action in ACTIONS:
            shown = self.qactions[action.key]
            shown.setEnabled(action.enabled(self._window))
            if action.checked is not None:
                shown.setChecked(action.checked(self._window))
            if action.title is not None:
                shown.setText(action.title(self._window))
        for path, button in self._drop_downs.items():
            self._show_tool(path, button)

    def fit(self, wide: int) -> None:
        """Leave texts out where the window, `wide` px, has no room for all buttons; the model's keep theirs."""
        style = Qt.ToolButtonStyle
        wanted = style.ToolButtonTextBesideIcon if wide >= self._full else style.ToolButtonIconOnly
        texts = [self.toolbar.widgetForAction(self.qactions[key]) for key in LABELLED if key not in ALWAYS_LABELLED]
        for shown in (*texts, *self._drop_downs.values()):
            if isinstance(shown, QToolButton) and shown.toolButtonStyle() != wanted:
                shown.setToolButtonStyle(wanted)

    def popup(self, keys: Sequence[str], at: QPoint) -> QMenu:
        """A context menu of some actions; "|" separates, "[…]" is a submenu."""
        self.refresh()
        menu = QMenu(self._window)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for key in keys:
            if key == "|":
                menu.addSeparator()
            elif key.startswith("["):
                menu.addMenu(self._menu(key[1:-1]))
            else:
                menu.addAction(self.qactions[key])
        menu.popup(at)
        return menu

    def _qaction(self, action: Action) -> QAction:
        made = QAction(icon(action.icon), action.text, self._window)
        self._set_keys(action, made)
        made.setCheckable(action.checked is not None)
        made.setAutoRepeat(action.key.startswith(("slice_", "nudge_")))
        made.triggered.connect(lambda: self._run(action))
        self._window.addAction(made)
        return made

    def _set_keys(self, action: Action, shown: QAction) -> None:
        shown.setShortcuts([QKeySequence(key) for key in self.keys(action)])
        first = f"{action.text.rstrip('…')}  {self.shown_keys(action)}".strip()
        shown.setToolTip("\n".join(filter(None, (first, action.tip))))

    def _run(self, action: Action) -> None:
        action.run(self._window)
        self._later.start()  # a check mark that the click itself changed is put right

    def _menu(self, path: str) -> QMenu:
        """A menu by its path, made where it is not there yet."""
        if path not in self.menus:
            parent, _, name = path.rpartition("/")
            self.menus[path] = self._menu(parent).addMenu(name)
        return self.menus[path]

    def _toolbar(self) -> QToolBar:
        bar = QToolBar("Tools", self._window)
        bar.setObjectName("tools")
        bar.setMovable(False)
        bar.setIconSize(QSize(18, 18))
        for entry in TOOLBAR:
            if entry == "|":
                bar.addSeparator()
            elif entry.startswith("["):
                bar.addWidget(self._drop_down(entry[1:-1]))
            else:
                bar.addAction(self.qactions[entry])
                self._dress(bar, BY_KEY[entry])
        self._window.addToolBar(bar)
        return bar

    def _dress(self, bar: QToolBar, action: Action) -> None:
        shown = bar.widgetForAction(self.qactions[action.key])
        if isinstance(shown, QToolButton):
            shown.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            if action.key in LABELLED:
                shown.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            if action.key == "explain":
                self.qactions[action.key].setIcon(icon(action.icon, ACCENT))

    def _drop_down(self, path: str) -> QToolButton:
        symbol, text = _SUBMENU_ICONS[path]
        shown = QToolButton()
        shown.setIcon(icon(symbol, TEXT))
        shown.setText(f"{text} ▾")
        shown.setToolTip(path.rpartition("/")[2])
        shown.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        shown.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        shown.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        shown.setMenu(self._menu(path))
        self._drop_downs[path] = shown
        return shown

    def _show_tool(self, path: str, button: QToolButton) -> None:
        """A drop-down looks chosen, with the tool's icon, while one of its tools without a button is in hand."""
        tools = (each for each in ACTIONS if each.menu == path and each.key.startswith("tool_"))
        tool = next((each for each in tools if each.key not in TOOLBAR and self.qactions[each.key].isChecked()), None)
        if button.isChecked() != (tool is not None) or tool is not None:
            button.setCheckable(tool is not None)
            button.setChecked(tool is not None)
            button.setIcon(icon(tool.icon if tool else _SUBMENU_ICONS[path][0], TEXT))


def _names(keys: Sequence[str]) -> set[str]:
    """Keys as Qt writes them, so that two ways to write one are the same."""
    return {QKeySequence(key).toString() for key in keys} - {""}
