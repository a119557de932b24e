"""Small banks of phantoms, and a cache of their own so that no test touches the user's."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from training.backgrounds import Bank, bank


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Backgrounds are cached in a temporary folder."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        patch.setenv("OMP_NUM_THREADS", "1")  # of child processes
        torch.set_num_threads(1)  # tiny models: threads that wait for each other on a busy machine cost minutes
        yield folder


@pytest.fixture(scope="session")
def phantoms(own_cache: Path) -> Bank:
    """Twenty phantom patients of the training split."""
    return bank("train", 20, real=False)
