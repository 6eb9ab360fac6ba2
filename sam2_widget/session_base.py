"""What every part of a session needs: the live project, its worker, checked scopes and frames."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, SupportsIndex, TypeVar

from sam2_widget import views
from sam2_widget.errors import ClosedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from sam2_widget.annotations import Scope
    from sam2_widget.editing import Editor
    from sam2_widget.live import Live

_T = TypeVar("_T")


class SessionBase:
    """The base of `Session`, which sets these attributes when it opens a project."""

    _live: Live
    _editor: Editor
    _closed: bool

    @property
    def _open(self) -> Live:
        if self._closed:
            raise ClosedError("The session is closed; open the video again.")
        return self._live

    def _do(self, task: Callable[[], _T]) -> _T:
        return self._open.worker.run(lambda: self._writing(task))

    def _submit(self, task: Callable[[], _T]) -> Future[_T]:
        return self._open.worker.submit(lambda: self._writing(task))

    def _writing(self, task: Callable[[], _T]) -> _T:
        self._live.check_writable()
        return task()

    def _scope(self, instance: int, region: str | None) -> Scope:
        live = self._open
        return views.scope_of(live, (instance, live.regions[0] if region is None else region))

    def _frame(self, frame: SupportsIndex) -> int:
        """Return the index from 0 on, once the frame is extracted."""
        video = self._open.video
        index = operator.index(frame)
        # Before counting from the end: it refuses what lies before frame 0, and waits for the end.
        video.wait_for(index)
        return index if index >= 0 else index + len(video)
