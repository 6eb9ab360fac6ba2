"""Downloads the packages that have the real pictures of the training, and gathers these.

    python -m training.nano.sources FOLDER

FOLDER gets ``packages``, ``photos`` (for ``label``, then for ``train --photos``) and ``held``, the
photographs of `HELD_OUT` that are like none of the others. Needs npm, the package OpenEXR, and
Debian 12's apt-get and dpkg-deb. What is there already is not downloaded again.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from training.nano.collect import collect
from training.nano.gather import gather
from training.nano.packages import (
    HELD_OUT,
    PHOTOGRAPHS,
    PICTURES,
    RENDERS,
    TEACHER,
    Package,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def fetch(package: Package, packages: Path) -> Path:
    """Download and unpack a package, unless it is there; return the folder of its pictures.

    Raises
    ------
    RuntimeError
        If it cannot be downloaded or unpacked; what was begun is removed.
    """
    home = packages / package.label
    if not home.exists():
        packages.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=packages) as beside:
            _run(_download(package), Path(beside))
            (archive,) = Path(beside).iterdir()
            unpack(archive, Path(beside) / "unpacked")
            (Path(beside) / "unpacked").rename(home)
    return _chosen(home, package)


def _download(package: Package) -> list[str]:
    if package.registry == "npm":
        return ["npm", "pack", "--silent", f"{package.name}@{package.version}"]
    if package.registry == "debian":
        return ["apt-get", "download", "-qq", f"{package.name}={package.version}"]
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    return [*pip, "--only-binary", ":all:", f"{package.name}=={package.version}"]


def _run(command: list[str], where: Path) -> None:
    try:
        subprocess.run(command, cwd=where, check=True, capture_output=True, text=True)
    except FileNotFoundError:
        raise RuntimeError(f"{command[0]} is not there; install it.") from None
    except subprocess.CalledProcessError as error:
        raise RuntimeError(f"{' '.join(command)} failed: {error.stderr.strip()}") from error


def unpack(archive: Path, home: Path) -> None:
    """Unpack what npm (without its folder ``package``), pip or apt-get downloaded."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            wheel.extractall(home)
    elif archive.suffix == ".deb":
        _run(["dpkg-deb", "-x", str(archive), str(home)], archive.parent)
    else:
        inner = home.with_name("inner")
        with tarfile.open(archive) as tar:
            tar.extractall(inner, filter="data")
        (top,) = inner.iterdir()
        top.rename(home)


def _chosen(home: Path, package: Package) -> Path:
    """Return the folder of the pictures; where only some are taken, one with copies of these."""
    folder = home / package.folder
    if not package.only:
        return folder
    out = home.with_name(f"{package.label}-chosen")
    out.mkdir(exist_ok=True)
    found = [path for pattern in package.only for path in folder.glob(pattern)]
    for path in one_each(found) if package.one_size else found:
        shutil.copy(path, out / "-".join(path.relative_to(folder).parts))
    return out


def one_each(paths: Iterable[Path]) -> list[Path]:
    """Return of each folder the picture named by the least size that is 1920 wide or more."""
    chosen: dict[Path, tuple[int, Path]] = {}
    for path in sorted(paths):
        wide = path.stem.partition("x")[0]
        if wide.isdecimal() and int(wide) >= 1920:
            size = int(wide), path
            chosen[path.parent] = min(chosen.get(path.parent, size), size)
    return [path for _, path in chosen.values()]


def _named(package: Package, folder: Path, links: Path) -> Path:
    """Return a folder with the package's name that has its pictures: ``gather`` names by it."""
    links.mkdir(parents=True, exist_ok=True)
    link = links / package.label
    if not link.is_symlink():
        link.symlink_to(folder.resolve())
    return link


def prepare(folder: Path, get: Callable[[Package, Path], Path] = fetch) -> None:
    """Download all packages and gather their pictures.

    Parameters
    ----------
    folder
        Where to.
    get
        Returns the folder with the pictures of a package, see `fetch`.
    """
    packages = folder / "packages"
    photos, held = folder / "photos", folder / "held"
    counts = collect(photos, [get(package, packages) for package in PICTURES])
    renders, _ = collect(photos, [get(package, packages) for package in RENDERS], "renders")
    sources = [
        _named(package, get(package, packages), folder / "named")
        for package in (*PHOTOGRAPHS, *HELD_OUT)
    ]
    gather(photos, sources)
    out = held / "photographs"
    out.mkdir(parents=True, exist_ok=True)
    labels = {package.label for package in HELD_OUT}
    for path in sorted((photos / "photographs").iterdir()):
        if path.name.rpartition("--")[0] in labels:
            path.rename(out / path.name)
    trained = sum(1 for _ in (photos / "photographs").iterdir())
    print(f"{counts[0]} cut-outs, {renders} renders, {counts[1]} backgrounds")
    print(f"{trained} photographs, {sum(1 for _ in out.iterdir())} held out")
    print(f"outline them: label {photos} {get(TEACHER, packages)}, and the same of {held}")


def main() -> None:
    """Prepare the folder that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    prepare(parser.parse_args().folder)


if __name__ == "__main__":
    main()
