"""The errors users meet; every message is one sentence that says what to do."""

from __future__ import annotations


class Sam2WidgetError(Exception):
    """Base of every error this package raises on purpose."""

    def __str__(self) -> str:
        """Return the plain sentence (``KeyError`` would quote it)."""
        return str(self.args[0]) if self.args else ""


class VideoError(Sam2WidgetError, ValueError):
    """The source cannot be used as a video."""


class ProjectError(Sam2WidgetError, ValueError):
    """The project folder and what was asked of it do not fit together."""


class PromptError(Sam2WidgetError, ValueError):
    """A prompt, label or coordinate that makes no sense for this video."""


class FrameIndexError(Sam2WidgetError, IndexError):
    """A frame index outside the video."""


class UnknownRegionError(Sam2WidgetError, KeyError):
    """A region that this project does not have."""


class AppearanceError(Sam2WidgetError, ValueError):
    """A look that the widget cannot have."""


class ShortcutError(Sam2WidgetError, ValueError):
    """Keys that cannot be had, or an action that there is not."""


class ModelError(Sam2WidgetError, ValueError):
    """A model that cannot be found, read or built."""


class NotSwitchedError(ModelError):
    """A model that could not take the place of another, which stays in use."""


class OutOfMemoryError(Sam2WidgetError, MemoryError):
    """The model needs more memory than there is, also after all that could be was given back."""


class DownloadError(ModelError):
    """A checkpoint that was not downloaded; its message says why, and what is kept."""


class SaveError(Sam2WidgetError, OSError):
    """A file could not be written."""


class ChangedFileError(SaveError):
    """Another program changed a file that would have been overwritten."""


class LoadError(Sam2WidgetError, ValueError):
    """A file of annotations that cannot be loaded into this project."""


class ClosedError(Sam2WidgetError, RuntimeError):
    """The session was closed."""


class UploadError(Sam2WidgetError, ValueError):
    """A file that cannot be received, or a chunk that is not the next."""


class NoVideoError(Sam2WidgetError, RuntimeError):
    """No video was chosen yet."""

    def __init__(self) -> None:
        super().__init__(
            "No video is open yet: pick one in the widget, or give one: Annotator('clip.mp4')."
        )
