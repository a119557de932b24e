"""What the command line's arguments may be; a fault is one sentence on stderr and exit code 2."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from engine.ct.geometry import Box

FAULT = 2
_SIDE_PX = (200, 8192)  # shortest and longest edge of a window that can be drawn
THINK = ("before", "after", "none")
DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "float32", "bfloat16", "float16", "int8", "int4")
LAYOUTS = {
    "mpr": "three planes and 3D",
    "mpr-1-3": "a large axial, three beside",
    "axial-3d": "axial and 3D",
    "compare": "beside the next series",
    "axial": "",
    "coronal": "",
    "sagittal": "",
    "3d": "",
}
_SEED_END = 1 << 62  # torch takes 63 bits, and samples count on from the seed


class Parser(argparse.ArgumentParser):
    """Says what is wrong with the arguments in one sentence."""

    def error(self, message: str) -> NoReturn:
        """One line on stderr, exit 2."""
        self.exit(FAULT, f"{self.prog}: {message}; see {self.prog} --help.\n")


def box_mm(text: str) -> Box:
    """x0,y0,z0,x1,y1,z1 in LPS mm to a Box."""
    from engine.ct.geometry import Box

    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if len(values) != 6 or not all(abs(value) < 1e6 for value in values):
        raise argparse.ArgumentTypeError("give six numbers x0,y0,z0,x1,y1,z1 in LPS mm")
    return Box.from_corners((values[0], values[1], values[2]), (values[3], values[4], values[5]))


def count(text: str) -> int:
    """A whole number of at least one."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("give a whole number of at least 1")
    return int(text)


def seed(text: str) -> int:
    """A whole number that a random generator takes."""
    if not text.isdecimal() or int(text) >= _SEED_END:
        raise argparse.ArgumentTypeError("give a whole number of at least 0 and at most 18 digits")
    return int(text)


def size_px(text: str) -> tuple[int, int]:
    """WIDTHxHEIGHT of a window in pixels."""
    parts = text.split("x")
    if len(parts) != 2 or not all(part.isdecimal() and _SIDE_PX[0] <= int(part) <= _SIDE_PX[1] for part in parts):
        raise argparse.ArgumentTypeError(
            f"give WIDTHxHEIGHT in pixels, each {_SIDE_PX[0]} to {_SIDE_PX[1]}, such as 1920x1080"
        )
    return (int(parts[0]), int(parts[1]))


def options_list(text: str) -> tuple[str, ...]:
    """Comma separated options, at least one."""
    options = tuple(part.strip() for part in text.split(",") if part.strip())
    if not options:
        raise argparse.ArgumentTypeError("give the answers to choose from, such as nodule,vessel,normal")
    return options


def joined(argv: list[str]) -> list[str]:
    """`--roi-mm -10,…` as `--roi-mm=-10,…`: argparse would take the box for an option."""
    out: list[str] = []
    for word in argv:
        if out and out[-1] == "--roi-mm":
            out[-1] = f"--roi-mm={word}"
        else:
            out.append(word)
    return out


def layout_help() -> str:
    """The layouts of the window's panes, in words."""
    return ", ".join(f"{name} ({text})" if text else name for name, text in LAYOUTS.items())


def train_arguments(parser: argparse.ArgumentParser) -> None:
    """Of `main.py train`."""
    parser.add_argument(
        "method", choices=("sft", "grpo", "data"), help="supervised; by rewards, after it; only its data"
    )
    parser.add_argument("--config", type=Path, metavar="FILE.toml", help="see training/configs; --volumes needs none")
    parser.add_argument("--resume", action="store_true", help="go on from the latest checkpoint")
    parser.add_argument("--release", action="store_true", help="refuse sources whose licence forbids commercial use")
    parser.add_argument("--preview", type=count, metavar="N", default=24, help="of data: how many rows to show")
    parser.add_argument("--json", action="store_true", help="of data: every row of the sources as a JSON line")
    parser.add_argument("--verl", type=Path, metavar="DIR", help="of data: write it as verl reads it (parquet)")
    parser.add_argument("--volumes", type=count, metavar="N", help="of data: draw whole scans with a known lesion each")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where --volumes writes NIfTI, label maps and facts")
    parser.add_argument(
        "--split",
        choices=("train", "validation", "test"),
        default="train",
        help="whose patients and scans --volumes draws",
    )


def sample_arguments(parser: argparse.ArgumentParser) -> None:
    """Of `main.py sample`."""
    parser.add_argument("--out", type=Path, default=Path("out"), help="where the offscreen run writes its results")


def evaluate_arguments(parser: argparse.ArgumentParser) -> None:
    """Of `main.py evaluate`."""
    parser.add_argument("--model", action="append", metavar="DIR", help="a model folder; give it twice to compare two")
    parser.add_argument("--data", type=Path, metavar="DIR", help="CT scans to insert test lesions into")
    parser.add_argument(
        "--config", type=Path, metavar="FILE.toml", help="ask the rows of its sources instead of drawn lesions"
    )
    parser.add_argument("--n", type=count, help="number of test cases")
    parser.add_argument("--seed", type=seed, default=0, help="other seeds are other patients")
    parser.add_argument("--page", type=Path, metavar="FILE.html", help="write the figures as a page with charts too")
    parser.add_argument("--brief", action="store_true", help="no samples, moved boxes or ROI test: a third of the time")
    parser.add_argument("--places", action="store_true", help="ask for the place of the box, not for kinds; briefly")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else on stdout")


def traces_arguments(parser: argparse.ArgumentParser) -> None:
    """Of `main.py traces`."""
    parser.add_argument("--folder", type=Path, metavar="DIR", help="the sessions; the program's own if not given")
    parser.add_argument("--export", type=Path, metavar="DIR", help="write JSON lines, pictures and one page there")
    parser.add_argument("--named", action="store_true", help="with series UIDs and paths, which may name the patient")
    parser.add_argument("--json", action="store_true", help="a JSON object a line")


def bench_arguments(parser: argparse.ArgumentParser) -> None:
    """Of `main.py bench`."""
    parser.add_argument("--only", metavar="PREFIX", default="", help="only rows whose name begins so, such as stream")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else on stdout")


def with_path(parser: argparse.ArgumentParser, series: bool = True) -> None:
    """The scan."""
    parser.add_argument("path", type=Path, help="DICOM folder or file, DICOMDIR, zip, NIfTI, NRRD, MHA or MHD")
    if series:
        parser.add_argument("--series", metavar="UID", help="which series; the one with most slices if not given")


def with_json(parser: argparse.ArgumentParser) -> None:
    """Output for programs."""
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else on stdout")


ROI_HELP = "x0,y0,z0,x1,y1,z1: two opposite corners of a box in patient LPS millimetres"


def explain_arguments(parser: argparse.ArgumentParser) -> None:
    """Of `main.py explain`."""
    with_path(parser)
    parser.add_argument("--roi-mm", type=box_mm, required=True, metavar="BOX", help=ROI_HELP)
    parser.add_argument("--model", metavar="DIR_OR_ID", help="a model folder, hub id, or http://127.0.0.1:8080/v1#name")
    parser.add_argument("--allow-remote-server", action="store_true", help="send the picture off this machine")
    parser.add_argument("--question", help="what to ask; the model card's question if not given")
    parser.add_argument("--options", type=options_list, default=(), metavar="a,b,c", help="the answers to choose from")
    parser.add_argument("--samples", type=count, default=1, help="how many answers to draw")
    parser.add_argument("--seed", type=seed, default=0, help="the same seed gives the same trace")
    parser.add_argument("--no-zoom", action="store_true", help="leave the inset out of the picture")
    parser.add_argument("--causal", action="store_true", help="test whether the answer rests on the ROI")
    parser.add_argument("--decided", action="store_true", help="force the answer after each step")
    parser.add_argument("--attention", action="store_true", help="say where each step looks, if the model can tell")
    parser.add_argument(
        "--think", choices=THINK, default="", help="when the model reasons; as its card says if not given"
    )
    parser.add_argument("--follow", type=Path, metavar="TRACE", help="ask in the conversation of a saved trace.jsonl")
    parser.add_argument("--device", choices=DEVICES, default="auto", help="where the model computes")
    parser.add_argument("--precision", choices=PRECISIONS, default="auto", help="the number format of its weights")
    parser.add_argument("--trust-remote-code", action="store_true", help="allow this model to run code of its own")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write canvas.png and trace.jsonl there")
    with_json(parser)
