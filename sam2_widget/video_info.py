"""What ``project.json`` says of the video, and whether that is the video at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sam2_widget.errors import ProjectError
from sam2_widget.video import StoredVideo

if TYPE_CHECKING:
    from pathlib import Path

    from sam2_widget.options import Options
    from sam2_widget.project import ProjectInfo
    from sam2_widget.video import Video


def check_video(
    root: Path, info: ProjectInfo | None, fingerprint: str, options: Options
) -> StoredVideo | None:
    """Return what is known of a finished extraction, None where there was none.

    Raises
    ------
    ProjectError
        If the project is of another video, or of the same one extracted otherwise.
    """
    if info is None:
        return None
    ours = {"fingerprint": fingerprint, **_extraction(options)}
    for key, value in ours.items():
        theirs = info.video.get(key)
        if theirs == value:
            continue
        if key == "fingerprint":
            raise ProjectError(
                f"{root} holds another video; give name= to keep this one in a folder of its own."
            )
        raise ProjectError(
            f"{root} holds this video with {key}={theirs}; give {key}={theirs} to open it, or "
            "name= for another project."
        )
    return _parse_stored(info)


def describe_video(
    video: Video, fingerprint: str, options: Options, stored: StoredVideo | None
) -> dict[str, Any]:
    """Return what the file should say, with the frames once they are all stored."""
    told: dict[str, Any] = {"fingerprint": fingerprint, **_extraction(options)}
    told |= {"fps": video.fps, "width": video.width, "height": video.height}
    if stored is not None:
        told |= {"frames": stored.count, "times": [round(t, 6) for t in stored.times]}
    if video.names is not None:
        told["names"] = video.names
    return told


def _extraction(options: Options) -> dict[str, Any]:
    return {"frame_step": options.frame_step, "max_side": options.max_side}


def _parse_stored(info: ProjectInfo) -> StoredVideo | None:
    video = info.video
    if "times" not in video:
        return None
    try:
        times = tuple(float(t) for t in video["times"])
        return StoredVideo(times, int(video["width"]), int(video["height"]))
    except (KeyError, TypeError, ValueError):
        return None
