"""`main.py train`: which method, and what must hold before it begins."""

from __future__ import annotations

import argparse

from engine.ct.errors import InputError
from training.config import load
from training.sources.licence import check_release


def run(args: argparse.Namespace) -> int:
    """The exit code of a run; InputError for what is wrong with its file."""
    if args.method == "data" and args.volumes:
        return _volumes(args)
    if args.config is None:
        raise InputError("train needs --config FILE.toml; see training/configs.")
    if args.release:
        check_release(load(args.config).source)
    if args.method == "data" and args.json:
        from training.listing import run as listed

        return listed(args.config, args.preview)
    if args.method == "data" and args.verl:
        from training.verl import run as export

        return export(args.config, args.verl)
    if args.method == "data":
        from training.preview import run as show

        return show(args.config, args.preview)
    if args.method == "grpo":
        from training.grpo import run as start
    else:
        from training.sft import run as start
    return start(args.config, args.resume)


def _volumes(args: argparse.Namespace) -> int:
    from training.volume_files import run as write

    if args.out is None:
        raise InputError("--volumes needs --out DIR, the folder to write the scans into.")
    return write(args.out, args.volumes, load(args.config).seed if args.config else 0, args.split)
