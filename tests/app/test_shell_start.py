"""The start of the window: what is not needed for it is not loaded."""

from __future__ import annotations

import subprocess
import sys

HEAVY = {
    "scipy",
    "pyqtgraph",
    "pandas",
    "pyarrow",
    "vtkmodules",
    "SimpleITK",
    "pydicom",
    "imagecodecs",
    "torch",
    "transformers",
}
SCRIPT = """
import sys
from app.snapshot import private_program
with private_program(model="") as program:
    program.window.show()
    sys.stdout.write("\\n".join({name.partition(".")[0] for name in sys.modules}))
"""


def test_an_empty_window_loads_no_decoders_no_plots_no_science_and_no_3d() -> None:
    """Each of them costs a tenth of a second or more, and the reader waits for it at every start."""
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert HEAVY & set(done.stdout.split()) == set()
