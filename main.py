#!/usr/bin/env python3
"""Loupe CT's command line; with no command it opens the viewer. Exit 0 = done, 2 = the input is at fault, 1 = a bug."""

from __future__ import annotations

import argparse
import io
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.arguments import (
    FAULT,
    LAYOUTS,
    ROI_HELP,
    Parser,
    bench_arguments,
    box_mm,
    count,
    evaluate_arguments,
    explain_arguments,
    joined,
    layout_help,
    sample_arguments,
    size_px,
    traces_arguments,
    train_arguments,
    with_json,
    with_path,
)

if TYPE_CHECKING:
    from engine.reasoning.trace import TraceEvent

BUG = 1
NO_DISPLAY = (
    "There is no display here: `main.py sample` works without one, `main.py snapshot` draws the window to a file."
)


def say(values: Any) -> None:
    """One JSON document on stdout."""
    print(json.dumps(values, ensure_ascii=False), flush=True)


def view(args: argparse.Namespace) -> int:
    """Open the window."""
    absent = next((path for path in args.paths if not os.path.lexists(path)), None)
    if absent is not None:
        names = ", ".join(COMMANDS)
        print(f"{absent} does not exist; give the path of a scan, or a command: {names}.", file=sys.stderr)
        return FAULT
    if not has_display():
        print(NO_DISPLAY, file=sys.stderr)
        return FAULT
    from app.application import run

    return run([str(path) for path in args.paths])


def sample(args: argparse.Namespace) -> int:
    """Fetch the sample case once and open it; without a display, run the main job in the terminal."""
    from engine.ct.sample import sample_case

    case = sample_case(lambda text: print(text, file=sys.stderr))
    print(f"{case.message}\n{case.attribution}", file=sys.stderr)
    if has_display():
        from app.application import run

        return run([str(case.folder)])
    print("No display: running the case on Qt's offscreen platform instead.", file=sys.stderr)
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    from app.demo import demo

    return demo(args.out)


def has_display() -> bool:
    """Whether a window can be shown."""
    if os.environ.get("QT_QPA_PLATFORM"):
        return os.environ["QT_QPA_PLATFORM"] not in {"offscreen", "minimal", "vnc"}
    return not sys.platform.startswith("linux") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def info(args: argparse.Namespace) -> int:
    """List the series of a path."""
    from engine.ct.load import scan

    found = scan(args.path)
    rows = [series.to_json() for series in found.series]
    if args.json:
        say(rows)
    else:
        for row in rows:
            print(f"{row['description'] or '(no description)'} · {row['modality']} · {row['size_ijk']} · {row['uid']}")
            for warning in row["warnings"]:
                print(f"  ! {warning['message']}")
    for warning in found.warnings:
        print(f"{warning.message} ({len(warning.files)} files)", file=sys.stderr)
    return 0


def explain(args: argparse.Namespace) -> int:
    """Stream the model's reasoning about a box."""
    from engine.ct.load import load
    from engine.reasoning.card import ModelCard
    from engine.reasoning.claims import with_claims
    from engine.reasoning.explain import conversation, make_question, resolve_model, save_canvas, saved_trace
    from engine.reasoning.facts import facts_of
    from engine.reasoning.host import HostedReasoner
    from engine.reasoning.scores import with_scores

    model = resolve_model(args.model)
    out: Path | None = args.out
    volume = load(args.path, args.series)
    question = make_question(
        volume,
        args.roi_mm,
        ModelCard.load(model),
        text=args.question or "",
        options=args.options,
        zoom=not args.no_zoom,
        seed=args.seed,
        samples=args.samples,
        canvas_path=str(out / "canvas.png") if out else "",
        causal=args.causal,
        decided=args.decided,
        attention=args.attention,
        think=args.think,
        history=conversation(saved_trace(args.follow)) if args.follow else (),
    )
    if out:
        out.mkdir(parents=True, exist_ok=True)
        save_canvas(question.canvas, out / "canvas.png")
    reasoner = HostedReasoner(
        model,
        trust_remote_code=args.trust_remote_code,
        away=args.allow_remote_server,
        device=args.device,
        precision=args.precision,
    )
    try:
        facts = facts_of(volume, args.roi_mm)
        return _stream(
            with_scores(with_claims(reasoner.explain(question), facts, live=args.json), facts), args.json, out
        )
    finally:
        reasoner.close()


def _stream(events: Iterator[TraceEvent], as_json: bool, out: Path | None) -> int:
    """Print events as they come; exit code 2 when the model could not start, 1 when it broke later."""
    from engine.reasoning.render import as_text
    from engine.reasoning.trace import Failed, Loading, Token, Trace

    came: list[TraceEvent] = []
    code = 0
    for event in events:
        if isinstance(event, Loading):
            print(event.message, file=sys.stderr)
            continue
        came.append(event)
        print(event.line() + "\n" if as_json else as_text(event), end="", flush=True)
        if isinstance(event, Failed):
            print(event.message, file=sys.stderr)
            code = BUG if any(isinstance(each, Token) for each in came) else FAULT
    if out:
        (out / "trace.jsonl").write_text(Trace(tuple(came)).to_lines(), encoding="utf-8")
    return code


def suggest(args: argparse.Namespace) -> int:
    """Candidate ROIs, best first."""
    from engine.ct.load import load
    from engine.propose.classical import propose

    rows = [candidate.to_json() for candidate in propose(load(args.path, args.series), top=args.top)]
    if args.json:
        say(rows)
    else:
        for rank, row in enumerate(rows, 1):
            box = ",".join(f"{value:.1f}" for value in row["roi_mm"])
            print(f"{rank}  {row['score']:.2f}  {row['reason']}  --roi-mm={box}")
    return 0


def measure(args: argparse.Namespace) -> int:
    """Statistics of a box or a mask."""
    from engine.ct.errors import InputError
    from engine.ct.load import load
    from engine.ct.masks import load_mask
    from engine.ct.measure import measure_box, measure_mask

    if args.label is not None and not args.mask:
        raise InputError("--label names a structure of a mask; give --mask FILE with it.")
    volume = load(args.path, args.series)
    if args.mask:
        measured = measure_mask(volume, load_mask(args.mask, volume, args.label))
    else:
        measured = measure_box(volume, args.roi_mm)
    row = measured.to_json()
    if args.json:
        say(row)
    else:
        for name, value in row.items():
            print(f"{name:14} {value}")
    return 0


def snapshot(args: argparse.Namespace) -> int:
    """The real window as a picture."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from app.snapshot import snapshot as take

    take(
        args.path,
        args.out,
        roi_mm=args.roi_mm,
        window=args.window,
        layout=args.layout,
        size=args.size,
        series=args.series,
        trace=args.trace,
    )
    return 0


def later(module: str) -> Callable[[argparse.Namespace], int]:
    """The `run` of a module that is imported only when its command runs."""
    return lambda args: int(import_module(module).run(args))


def evaluate(args: argparse.Namespace) -> int:
    """Accuracy with intervals, with and without the inset."""
    from engine.reasoning.explain import resolve_model

    models = [resolve_model(model) for model in args.model or [None]]
    if args.config:
        from training.held_out import evaluate as run_rows

        result = run_rows(args.config, models if args.model else [], args.n, args.seed)
    else:
        from training.evaluate import evaluate as run

        asks = "place" if args.places else "kind"
        result = run(models, args.data, args.n, args.seed, args.page, args.brief, asks)
    if args.json:
        say(result)
    else:
        print(json.dumps(result, indent=2, ensure_ascii=False))
    return 0


def bench(args: argparse.Namespace) -> int:
    """Timings, each beside its peer in the same run; every group in a process of its own."""
    from engine.bench import chosen, run_groups

    failed: list[str] = []
    rows = run_groups(chosen(args.only), args.only, failed)
    if args.json:
        say(list(rows))
    else:
        for row in rows:
            print(json.dumps(row, ensure_ascii=False), flush=True)
    if failed:
        print(f"Not everything could be measured: {', '.join(failed)}.", file=sys.stderr)
    return BUG if failed else 0


def _info_arguments(parser: argparse.ArgumentParser) -> None:
    with_path(parser, series=False)
    with_json(parser)


def _suggest_arguments(parser: argparse.ArgumentParser) -> None:
    with_path(parser)
    parser.add_argument("--top", type=count, default=10, help="how many at most")
    with_json(parser)


def _measure_arguments(parser: argparse.ArgumentParser) -> None:
    with_path(parser)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--roi-mm", type=box_mm, metavar="BOX", help=ROI_HELP)
    what.add_argument("--mask", type=Path, metavar="FILE", help="a label map: NIfTI, NRRD or MHA")
    parser.add_argument(
        "--label", type=int, metavar="N", help="which label of the mask; all that is not 0 if not given"
    )
    with_json(parser)


def _snapshot_arguments(parser: argparse.ArgumentParser) -> None:
    with_path(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="PNG", help="the picture to write")
    parser.add_argument("--roi-mm", type=box_mm, metavar="BOX", help=ROI_HELP)
    parser.add_argument("--window", metavar="PRESET", help="soft, lung, bone, brain, liver, mediastinum or WIDTH/LEVEL")
    parser.add_argument("--layout", choices=LAYOUTS, default="mpr", metavar="LAYOUT", help=layout_help())
    parser.add_argument("--size", type=size_px, default=(1920, 1080), metavar="WxH", help="the window in pixels")
    parser.add_argument("--trace", type=Path, metavar="JSONL", help="a saved trace to show in the reasoning panel")


Command = tuple[Callable[[argparse.Namespace], int], Callable[[argparse.ArgumentParser], None], str]
COMMANDS: dict[str, Command] = {
    "sample": (sample, sample_arguments, "fetch the sample case once and open it (offscreen without a display)"),
    "info": (info, _info_arguments, "list the series of a path"),
    "explain": (explain, explain_arguments, "stream the model's reasoning about a box"),
    "suggest": (suggest, _suggest_arguments, "suggest regions worth a look"),
    "measure": (measure, _measure_arguments, "HU statistics, volume, diameter and side of a box or mask"),
    "snapshot": (snapshot, _snapshot_arguments, "draw the real window into a picture, without a display"),
    "train": (later("training.run"), train_arguments, "fine-tune a model, or look at its data"),
    "evaluate": (evaluate, evaluate_arguments, "accuracy with and without the inset, with intervals"),
    "traces": (later("engine.reasoning.listing"), traces_arguments, "saved answers of all cases: listed, or exported"),
    "bench": (bench, bench_arguments, "timings beside their peers"),
}


def parse(argv: list[str]) -> tuple[Callable[[argparse.Namespace], int], argparse.Namespace]:
    """The function to run and its arguments."""
    if argv and argv[0] in COMMANDS:
        run, add, text = COMMANDS[argv[0]]
        parser = Parser(prog=f"main.py {argv[0]}", description=text)
        add(parser)
        return run, parser.parse_args(joined(argv[1:]))
    listing = "\n".join(f"  {name:10} {text}" for name, (_, _, text) in COMMANDS.items())
    parser = Parser(
        prog="main.py",
        description="Loupe CT: a CT viewer that shows how a local model reasons. Research use, not for diagnosis.",
        epilog=f"commands (main.py COMMAND --help says more):\n{listing}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="CT to open in the viewer, or a session")
    return view, parser.parse_args(argv)


def main(argv: list[str]) -> int:
    """Run one command; faults of the input are one sentence on stderr."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    # JSON is UTF-8 whatever the terminal is; what cannot be written becomes an escape that JSON knows.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    from engine.ct.errors import InputError

    try:
        return _run(argv)
    except InputError as error:
        print(error, file=sys.stderr)
    except MemoryError:
        print("This machine's memory does not hold it; close other programs or open a smaller series.", file=sys.stderr)
    except BrokenPipeError:
        _drop_output()
        return BUG if argv[:1] == ["train"] else 0  # training is done only when it says so
    except OSError as error:
        what = error.filename or "The output"
        if not error.filename:
            _drop_output()
        print(f"{what} cannot be read or written ({error.strerror}); check the path and the disk.", file=sys.stderr)
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
    return FAULT


def _drop_output() -> None:
    """What is still buffered goes nowhere, so that nothing more is raised when the interpreter ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run(argv: list[str]) -> int:
    """Parse, run, and write out what is buffered, so that a closed pipe or a full disk is met here."""
    try:
        run, args = parse(argv)
        return run(args)
    finally:
        if sys.stdout is not None:
            sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
