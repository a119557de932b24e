"""What else may be asked: questions by region, when the model thinks, and following up on the shown answer."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from app.panels.parts import icon, plain_tip
from app.theme import MUTED
from engine.reasoning.questions import Suggested, suggested

THINK = {
    "": "As its card says",
    "before": "Think before answering",
    "after": "Answer first, then explain",
    "none": "Answer without thinking",
}


class QuestionMenu(QToolButton):
    """A button with a menu. `picked` brings a question of the list; `think` and `follow` are read when it is asked."""

    picked = Signal(object)  # Suggested
    followed = Signal(bool)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.think = ""
        self.setIcon(icon("ph.dots-three-vertical", MUTED))
        self.setToolTip("Questions by region, follow-up, when to think")
        self.setAccessibleName("More about the question")
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self)
        self.setMenu(menu)
        self.follow = menu.addAction("Follow up on the shown answer")
        self.follow.setCheckable(True)
        self.follow.toggled.connect(self.followed)
        menu.addSeparator()
        regions: dict[str, QMenu] = {}
        for each in suggested():
            if each.region not in regions:
                regions[each.region] = menu.addMenu(each.region)
            self._add(regions[each.region], each)
        menu.addSeparator()
        group = QActionGroup(self)
        for key, text in THINK.items():
            action = menu.addAction(text)
            action.setCheckable(True)
            action.setChecked(not key)
            group.addAction(action)
            action.triggered.connect(lambda on, think=key: self._thinks(think))

    def _add(self, menu: QMenu, ask: Suggested) -> None:
        action = menu.addAction(ask.text)
        action.setToolTip(plain_tip(", ".join(ask.options) or "any words"))
        action.triggered.connect(lambda: self.picked.emit(ask))

    def _thinks(self, think: str) -> None:
        self.think = think
        self.setIcon(icon("ph.dots-three-vertical", MUTED) if not think else icon("ph.dots-three-vertical-bold"))
