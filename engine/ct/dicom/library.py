"""pydicom, kept from quoting the patient: its validation warns and logs with the offending value in the message."""

from __future__ import annotations

from typing import Any, BinaryIO


def read_dataset(stream: BinaryIO, *, pixels: bool) -> Any:
    """pydicom's data set of a stream, with or without the pixel data. Raises whatever pydicom stumbles on."""
    from pydicom import config, dcmread  # 0.2 s to import: only for what `parse` does not read

    config.settings.reading_validation_mode = config.IGNORE
    return dcmread(stream, stop_before_pixels=not pixels, force=True)
