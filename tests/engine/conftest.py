"""The awkward archives of the shared data, unpacked once a session."""

import tarfile
from pathlib import Path

import pytest


def _unpack(archive: Path, into: Path) -> Path:
    with tarfile.open(archive) as tar:
        tar.extractall(into, filter="data")
    return into / archive.name.removesuffix(".tar.xz")


@pytest.fixture(scope="session")
def awkward_dicom(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The 37 numbered DICOM cases."""
    return _unpack(shared_data / "dicom_awkward_derived.tar.xz", tmp_path_factory.mktemp("awkward"))


@pytest.fixture(scope="session")
def awkward_volumes(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The NIfTI, NRRD and MetaImage cases."""
    return _unpack(shared_data / "volume_awkward_derived.tar.xz", tmp_path_factory.mktemp("awkward"))
