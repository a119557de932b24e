"""DICOM CT series made for a test: any orientation, any header value, any transfer syntax pydicom can write."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import CTImageStorage, EnhancedCTImageStorage, ExplicitVRLittleEndian, generate_uid

STRAIGHT = np.eye(3)


def image(stored: NDArray[np.int16], position: Sequence[float], axes: NDArray[np.float64] = STRAIGHT) -> Dataset:
    """A CT image of 1 mm pixels, intercept -1024; `axes` has the directions of columns and rows as its columns."""
    one = Dataset()
    one.file_meta = FileMetaDataset()
    one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    one.file_meta.MediaStorageSOPClassUID = one.SOPClassUID = CTImageStorage
    one.file_meta.MediaStorageSOPInstanceUID = one.SOPInstanceUID = generate_uid()
    one.Modality, one.PhotometricInterpretation, one.SamplesPerPixel = "CT", "MONOCHROME2", 1
    one.Rows, one.Columns = stored.shape
    one.BitsAllocated, one.BitsStored, one.HighBit, one.PixelRepresentation = 16, 16, 15, 1
    one.PixelSpacing, one.RescaleSlope, one.RescaleIntercept = [1, 1], 1, -1024
    one.ImagePositionPatient = [f"{value:.9g}"[:16] for value in position]
    one.ImageOrientationPatient = [f"{value:.9f}"[:16] for value in (*axes[:, 0], *axes[:, 1])]
    one.PixelData = stored.astype("<i2").tobytes()
    return one


def write_series(
    folder: Path,
    stored: NDArray[np.int16],
    positions: NDArray[np.float64],
    axes: NDArray[np.float64] = STRAIGHT,
    syntax: str = "",
    **changes: Any,
) -> list[Path]:
    """One file a slice of `stored` [k, j, i], at `positions` (mm); `changes` are header values of every slice."""
    folder.mkdir(parents=True, exist_ok=True)
    series, study, frame = generate_uid(), generate_uid(), generate_uid()
    paths = []
    for k, picture in enumerate(stored):
        one = image(picture, positions[k].tolist(), axes)
        one.SeriesInstanceUID, one.StudyInstanceUID, one.FrameOfReferenceUID = series, study, frame
        one.InstanceNumber = k + 1
        for name, value in changes.items():
            setattr(one, name, value)
        if syntax:
            one.compress(syntax, generate_instance_uid=False)
        paths.append(folder / f"{k:04}.dcm")
        one.save_as(paths[-1], enforce_file_format=True)
    return paths


def enhanced(stored: NDArray[np.int16], positions: NDArray[np.float64], **display: Any) -> Dataset:
    """An enhanced CT object of all slices; `display` is what its shared Frame VOI LUT group says."""
    one = image(stored[0], (0, 0, 0))
    one.file_meta.MediaStorageSOPClassUID = one.SOPClassUID = EnhancedCTImageStorage
    for name in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "RescaleSlope", "RescaleIntercept"):
        delattr(one, name)
    one.SeriesInstanceUID, one.StudyInstanceUID, one.NumberOfFrames = generate_uid(), generate_uid(), len(stored)
    shared = Dataset()
    shared.PlaneOrientationSequence = _item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    shared.PixelMeasuresSequence = _item(PixelSpacing=[1, 1])
    shared.PixelValueTransformationSequence = _item(RescaleSlope=1, RescaleIntercept=-1024)
    shared.FrameVOILUTSequence = _item(**display)
    one.SharedFunctionalGroupsSequence = Items([shared])
    frames = []
    for place in positions.tolist():
        frames.append(Dataset())
        frames[-1].PlanePositionSequence = _item(ImagePositionPatient=place)
    one.PerFrameFunctionalGroupsSequence = Items(frames)
    one.PixelData = stored.astype("<i2").tobytes()
    return one


def _item(**values: Any) -> Items:
    item = Dataset()
    for name, value in values.items():
        setattr(item, name, value)
    return Items([item])
