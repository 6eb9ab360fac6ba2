"""The command line: ``sam2-widget models`` and ``sam2-widget download NAME``."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

import sam2_widget
from sam2_widget import models
from sam2_widget.errors import Sam2WidgetError

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default those of the process.

    Returns
    -------
    int
        0 if it was done, 1 if not, 130 if it was interrupted; wrong usage exits with 2.
    """
    given = _parser().parse_args(arguments)
    try:
        if given.command == "models":
            print(models.list())
            if sys.stdout.isatty():
                print("\n`sam2-widget download NAME` gets one; Annotator(model=NAME) uses it.")
        else:
            print(models.download(given.name, folder=given.folder))
    except Sam2WidgetError as error:
        print(f"sam2-widget: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("sam2-widget: interrupted; the same command goes on from here.", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sam2-widget", description="Models for annotating video with SAM 2."
    )
    parser.add_argument("--version", action="version", version=sam2_widget.__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser(
        "models",
        help="list the models, their sizes, and where they lie",
        description="Lists the models there are: those to download, those of your own in the "
        "folders of checkpoints, and nano, which the package brings.",
    )
    download = commands.add_parser(
        "download",
        help="download and verify a model, and print its path",
        description="Downloads a model, verifies it, and prints its path. A download that was "
        "broken off goes on. Proxies are taken from https_proxy and no_proxy.",
    )
    download.add_argument("name", metavar="NAME", help="a name that `sam2-widget models` tells")
    download.add_argument(
        "--folder",
        help="where to; by default SAM2_WIDGET_CHECKPOINTS, else the user's cache folder",
    )
    return parser
