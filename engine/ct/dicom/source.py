"""Where the bytes of one file come from: a file on disk, or a member of a zip archive."""

from __future__ import annotations

import io
import lzma
import os
import zipfile
import zlib
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

# What reading a file or an archive's member raises when it is damaged, locked or packed in an unknown way.
UNREADABLE = (OSError, EOFError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error, lzma.LZMAError)


def printable(name: str) -> str:
    """A file's name as text that can be printed and saved; bytes that are no UTF-8 become U+FFFD."""
    return readable(os.fsencode(name).decode("utf-8", "replace"))


def readable(text: str) -> str:
    """Text out of a file, fit for a sentence: what cannot be printed becomes U+FFFD."""
    return text if text.isprintable() else "".join(one if one.isprintable() else "\ufffd" for one in text)


@dataclass(frozen=True, slots=True)
class Source:
    """One file. `name` is what the reader is told: the path relative to what was opened. `size` in bytes."""

    name: str
    path: Path
    size: int
    archive: zipfile.ZipFile | None = field(default=None, compare=False, repr=False)
    member: str = ""

    @property
    def folder(self) -> str:
        """The folder part of the name; "" at the top."""
        return self.name.rpartition("/")[0]

    @property
    def base(self) -> str:
        """The name without folders."""
        return self.name.rpartition("/")[2]

    def head(self, count: int) -> bytes:
        """The first `count` bytes, or all there are. One of UNREADABLE where they cannot be read."""
        if self.archive is not None:
            with self.archive.open(self.member) as stream:
                return stream.read(count)
        with io.FileIO(self.path) as file:
            return file.read(count) or b""

    def part(self, offset: int, count: int) -> bytes:
        """`count` bytes from `offset`; fewer at the end of the file."""
        if self.archive is not None:
            return _member(self)[offset : offset + count]
        with io.FileIO(self.path) as file:
            file.seek(offset)
            return file.read(count) or b""

    def into(self, offset: int, room: NDArray[np.int16]) -> int:
        """Fill a contiguous array with the bytes from `offset` of a file on disk; how many there were."""
        with io.FileIO(self.path) as file:
            file.seek(offset)
            return file.readinto(room.data.cast("B")) or 0

    def open(self) -> BinaryIO:
        """A seekable stream of the whole file."""
        if self.archive is not None:
            return io.BytesIO(_member(self))
        return self.path.open("rb")


@lru_cache(maxsize=1)
def _member(source: Source) -> bytes:
    """The unpacked member; kept for the frames of a multi-frame file, which would each unpack it again."""
    return source.archive.read(source.member) if source.archive is not None else b""


def forget() -> None:
    """Let go of the member kept in memory."""
    _member.cache_clear()
