"""`make fuzz`: damage scans at random and see that the program always answers in a sentence. Exit 1 with findings."""

import argparse
import sys
import time
from pathlib import Path

from tests.fuzz.corpus import made, shared
from tests.fuzz.run import Finding, run


def main() -> int:
    """Run the cases and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("out/fuzz"))
    given = parser.parse_args()
    start = time.monotonic()
    known = 0

    def tell(done: int, found: list[Finding]) -> None:
        nonlocal known
        for one in found[known:]:
            print(f"case {given.seed}:{one.number} ({one.name}): {one.fault}\n  kept in {one.kept}", flush=True)
        known = len(found)
        if done % 500 == 0:
            print(f"{done} cases, {known} findings, {time.monotonic() - start:.0f} s", flush=True)

    numbers = range(given.first, given.first + given.count)
    found = run([*made(), *shared()], numbers, given.seed, given.out, tell)
    print(f"{given.count} cases, seed {given.seed}, {time.monotonic() - start:.0f} s: {len(found)} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
