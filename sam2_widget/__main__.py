"""Runs the command line: ``python -m sam2_widget``."""

from __future__ import annotations

import sys

from sam2_widget.command import main

if __name__ == "__main__":
    sys.exit(main())
