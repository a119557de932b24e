"""How many training samples a core makes in a second: background, lesion, noise, canvas and text."""

from __future__ import annotations

from engine.bench import Row, median_seconds
from training.backgrounds import bank
from training.synthetic import sample

SAMPLES, RUNS = 60, 5


def main() -> None:
    """Print the row."""
    backgrounds = bank("train", 20, real=False)

    def work() -> None:
        for index in range(SAMPLES):
            sample(backgrounds, 99, "train", index)

    Row("synthetic.rate", SAMPLES / median_seconds(work, RUNS), "samples/s", n=RUNS).tell()


if __name__ == "__main__":
    main()
