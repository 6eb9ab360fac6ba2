"""Annotate video with SAM 2 inside a notebook: ``Annotator("clip.mp4").show()``."""

from sam2_widget import models
from sam2_widget.annotator import Annotator
from sam2_widget.importing import import_project
from sam2_widget.masktrack import MaskTrack
from sam2_widget.sample import sample_clip
from sam2_widget.session import Session
from sam2_widget.tracking import TrackJob

__version__ = "0.1.0"

__all__ = [
    "Annotator",
    "MaskTrack",
    "Session",
    "TrackJob",
    "__version__",
    "import_project",
    "models",
    "sample_clip",
]
