"""The SAM 2 engine: Meta's ``sam2`` package, frame by frame. Imports torch: import it late."""

from sam2_widget.engines.sam2.engine import Sam2Engine

__all__ = ["Sam2Engine"]
