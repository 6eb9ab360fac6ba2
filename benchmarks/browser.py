"""How fast the widget is for the user: clicks, scrubbing, tracking and memory in a real browser.

    python -m benchmarks.browser [--quick] [--json FILE] [--only PART ...]

A 720p clip, nano on one thread, JupyterLab and headless Chromium, real mouse clicks. What is
compared is measured in the same run, in turns. Parts: click, scrub, watch (what an open viewer
costs a track), last (10 minutes of use; 90 seconds with `--quick`).
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks import clicking, lasting, scrubbing, watching
from benchmarks.figures import Figure, table, write_json
from benchmarks.stage import theatre

PARTS = {
    "click": clicking.measure,
    "scrub": scrubbing.measure,
    "watch": watching.measure,
    "last": lasting.measure,
}


def main() -> None:
    """Run the parts asked for and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer rounds, shorter clips")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=[*PARTS], metavar="PART")
    given = parser.parse_args()
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as name, theatre(Path(name)) as stages:
        for part in given.only:
            print(f"{part} ...", flush=True)
            figures += PARTS[part](stages, given.quick)
    print(table(figures))
    if given.json:
        write_json(given.json, figures)


if __name__ == "__main__":
    main()
