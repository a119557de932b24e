"""What this program is, where the shown images come from, and under which licences its libraries are."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from PySide6.QtWidgets import QDialog, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from app.panels.parts import label
from app.pictures import PURPOSE

TEXT = (
    "A CT viewer that shows how a local model reasons about a region, and whether that reasoning can be believed.",
    "Not a medical device. The model's words are not findings until a reader accepts them.",
    "Apache-2.0. Your reading is saved on this machine only.",
)
# Distribution, what it does here, its licence and that of what it carries.
LIBRARIES = (
    ("PySide6-Essentials", "the window (Qt)", "LGPL-3.0"),
    ("vtk", "3D", "BSD-3-Clause"),
    ("pyqtgraph", "plots", "MIT"),
    ("qtawesome", "icons (Phosphor)", "MIT"),
    ("pydicom", "DICOM", "MIT"),
    (
        "imagecodecs",
        "JPEG (libjpeg-turbo), JPEG 2000 and HTJ2K (OpenJPEG), JPEG-LS (CharLS)",
        "BSD-3-Clause, BSD-2-Clause, IJG",
    ),
    ("pylibjpeg-openjpeg", "JPEG 2000 and HTJ2K (OpenJPEG)", "MIT, BSD-2-Clause"),
    ("pyjpegls", "JPEG-LS (CharLS)", "MIT, BSD-3-Clause"),
    ("pylibjpeg", "codecs for pydicom", "MIT"),
    ("pillow", "PNG", "MIT-CMU"),
    ("SimpleITK", "NRRD, MetaImage (ITK)", "Apache-2.0"),
    ("numpy", "arrays", "BSD-3-Clause"),
    ("scipy", "image processing", "BSD-3-Clause"),
    ("pydantic", "settings", "MIT"),
    ("platformdirs", "folders", "MIT"),
    ("psutil", "memory", "BSD-3-Clause"),
    ("torch", "the model's process", "BSD-3-Clause"),
    ("torchvision", "the model's process", "BSD-3-Clause"),
    ("transformers", "the model's process", "Apache-2.0"),
    ("tokenizers", "the model's process", "Apache-2.0"),
    ("safetensors", "the model's weights", "Apache-2.0"),
    ("peft", "training", "Apache-2.0"),
    ("trl", "training", "Apache-2.0"),
    ("datasets", "training", "Apache-2.0"),
    ("pyarrow", "training", "Apache-2.0"),
    ("accelerate", "training", "Apache-2.0"),
    ("pandas", "training", "BSD-3-Clause"),
)


class About(QDialog):
    """A few lines and the libraries; not modal."""

    def __init__(self, attribution: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("About Loupe CT")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 24, 24, 24)
        layout.setSpacing(8)
        layout.addWidget(label("Loupe CT", "strong"))
        layout.addWidget(label(PURPOSE, "badge"))
        for text in filter(None, (*TEXT, attribution and f"Images shown: {attribution}")):
            layout.addWidget(label(text, wrap=True))
        layout.addWidget(label("Libraries and their licences", "heading"))
        self.list = QTreeWidget()
        self.list.setColumnCount(3)
        self.list.setHeaderHidden(True)
        self.list.setRootIsDecorated(False)
        self.list.addTopLevelItems([QTreeWidgetItem(list(row)) for row in libraries()])
        for column in range(3):
            self.list.resizeColumnToContents(column)
        layout.addWidget(self.list, 1)
        self.resize(840, 560)


def libraries() -> list[tuple[str, str, str]]:
    """Name with version, use and licence of those that are installed."""
    found = []
    for name, use, licence in LIBRARIES:
        try:
            found.append((f"{name} {version(name)}", use, licence))
        except PackageNotFoundError:
            continue  # what only training needs may be absent
    return found
