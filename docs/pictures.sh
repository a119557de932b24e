#!/bin/sh
# Makes the pictures of README and guide from the sample case: the real window, without a display.
set -eu
cd "$(dirname "$0")/.."
sample=$(.venv/bin/python -m engine.ct.sample)
mass=44.23,69.47,-125,69.55,100.41,-107.5
work=$(mktemp -d)
.venv/bin/python main.py explain "$sample" --roi-mm "$mass" --out "$work" --json >/dev/null
.venv/bin/python docs/pictures.py "$sample" "$work/trace.jsonl"
rm -rf "$work"
