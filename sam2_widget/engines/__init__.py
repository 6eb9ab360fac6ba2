"""Engines turn prompts into masks; each lives in a module or folder of its own."""

from sam2_widget.engines.base import Engine, FrameInput, Frames, Neighbour, Segmentation

__all__ = ["Engine", "FrameInput", "Frames", "Neighbour", "Segmentation"]
