"""`main.py traces`: the saved traces as lines, and their export."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from engine.ct.errors import InputError
from engine.reasoning.export import export
from engine.reasoning.records import Record, look, sessions, short


def run(args: argparse.Namespace) -> int:
    """List or export; 0, or 2 where no session can be read (InputError names the folder)."""
    folder: Path = args.folder or sessions()
    if args.folder is not None and not folder.is_dir():
        raise InputError(f"There is no folder {folder}; give the one that holds the *.loupe sessions.")
    found: list[Record] = []
    for looked in look(folder):
        if looked.trouble:
            sys.stderr.write(f"{looked.trouble}\n")
        found += looked.records
    found.sort(key=lambda record: record.at)
    for record in () if args.export else found:
        values = record.to_json(named=args.named)
        sys.stdout.write((json.dumps(values, ensure_ascii=False) if args.json else _line(record)) + "\n")
    if args.export:
        written = list(export(found, args.export, named=args.named))
        sys.stderr.write(f"{len(written)} files of {len(found)} traces are in {args.export}.\n")
    return 0


def _line(record: Record) -> str:
    sure = f"{record.p:.2f}" if record.p is not None else "    "
    parts = (record.at[:19], record.case, f"{short(record.model):20}", sure, record.answer, record.verdict)
    return "  ".join(parts).rstrip()
