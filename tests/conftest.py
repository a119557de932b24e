"""What all tests share: where the real data is, and Qt without a display."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
# A worker of the suite and each process that it starts has one core: threads that wait for each other cost minutes.
os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real CT beside the checkout; skipped, with the reason, where it is absent."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"real CT data is not beside this checkout ({folder.name} absent)")
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Training first: its few files are the longest, and two workers should end together."""
    items.sort(key=lambda item: "training" not in item.path.parts)
