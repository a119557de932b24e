"""Loading 600 slices of 512 x 512 uncompressed DICOM: first image and whole volume; peers in the same run."""

from __future__ import annotations

import io
import tempfile
import time
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from engine.bench import Row, median_seconds
from engine.ct.load import load_steps, scan

SLICES, SIDE, RUNS = 600, 512, 5


def write_series(folder: Path, slices: int = SLICES, side: int = SIDE) -> None:
    """A CT series of smooth noise, explicit little endian, 0.7 mm pixels, 1 mm apart."""
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 20, (side, side)).astype(np.int16)
    study, series, frame = generate_uid(), generate_uid(), generate_uid()
    for k in range(slices):
        image = Dataset()
        image.file_meta = FileMetaDataset()
        image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID = CTImageStorage
        image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID = generate_uid()
        image.StudyInstanceUID, image.SeriesInstanceUID, image.FrameOfReferenceUID = study, series, frame
        image.Modality, image.InstanceNumber, image.PhotometricInterpretation = "CT", k + 1, "MONOCHROME2"
        image.ImagePositionPatient, image.ImageOrientationPatient = [0, 0, float(k)], [1, 0, 0, 0, 1, 0]
        image.PixelSpacing, image.Rows, image.Columns, image.SamplesPerPixel = [0.7, 0.7], side, side, 1
        image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 16, 15, 1
        image.RescaleSlope, image.RescaleIntercept = 1, -1024
        image.PixelData = np.roll(noise, k, axis=0).tobytes()
        image.save_as(folder / f"{k:04}.dcm", enforce_file_format=True)


def first_image(folder: Path) -> None:
    """From the path to the first slice in memory."""
    steps = load_steps(scan(folder).series[0])
    next(iter(steps))
    steps.close()  # type: ignore[attr-defined]


def whole(folder: Path) -> None:
    """From the path to the whole volume."""
    for _ in load_steps(scan(folder).series[0]):
        pass


def read_and_drop(folder: Path) -> None:
    """Only the files' bytes, each file's over the former's: they stay in the processor's cache."""
    for path in folder.iterdir():
        path.read_bytes()


def read_bytes(folder: Path) -> None:
    """Only the files' bytes, one behind the other in memory, as a volume must have them."""
    paths = sorted(folder.iterdir())
    sizes = [path.stat().st_size for path in paths]
    room, at = np.empty(sum(sizes), np.uint8).data, 0
    for path, size in zip(paths, sizes, strict=True):
        with io.FileIO(path) as file:
            file.readinto(room[at : at + size])
        at += size


def with_itk(folder: Path) -> None:
    """SimpleITK's own series reader."""
    import SimpleITK as sitk

    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    sitk.GetArrayFromImage(reader.Execute())


def main() -> None:
    """Print the rows."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_series(folder)
        time.sleep(1)  # let the writes settle
        reading = median_seconds(lambda: read_bytes(folder), RUNS)
        dropping = median_seconds(lambda: read_and_drop(folder), RUNS)
        itk = median_seconds(lambda: with_itk(folder), 3)
        Row("load.first_image", median_seconds(lambda: first_image(folder), RUNS), "s", n=RUNS).tell()
        volume = median_seconds(lambda: whole(folder), RUNS)
        Row("load.volume", volume, "s", "SimpleITK.ImageSeriesReader", itk, RUNS).tell()
        Row("load.volume_bytes", volume, "s", "reading the bytes into one array", reading, RUNS).tell()
        Row("load.volume_read", volume, "s", "reading the bytes and dropping them", dropping, RUNS).tell()


if __name__ == "__main__":
    main()
