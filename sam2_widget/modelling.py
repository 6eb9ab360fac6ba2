"""Answers the requests that are about models: which there are, use another, download one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from sam2_widget import messages as m
from sam2_widget import models
from sam2_widget.catalogue import CATALOGUE
from sam2_widget.errors import ModelError
from sam2_widget.library import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from sam2_widget.answering import Handlers
    from sam2_widget.models import ModelInfo
    from sam2_widget.session import Session


class Modelling:
    """Lists, switches and downloads models for the views of one session.

    Parameters
    ----------
    session : Session
        Whose model it is.
    respond : callable
        Answers a request with what a function returns, or with why it does not.
    """

    def __init__(
        self, session: Session, respond: Callable[[m.Request, Callable[[], m.Answer]], None]
    ) -> None:
        self._session = session
        self._respond = respond
        # A model takes seconds to load, and folders may be far away: the kernel never waits.
        self._thread = ThreadPoolExecutor(1, "sam2-widget-models")

    @property
    def handlers(self) -> Handlers:
        """What answers each of the requests."""
        return {
            m.ListModels: lambda request: self._soon(request, self._list),
            m.SetModel: lambda request: self._soon(request, lambda: self._set(request.name)),
            m.DownloadModel: lambda r: self._respond(r, lambda: self._download(r.name)),
            m.CancelDownload: lambda request: self._respond(request, self._cancel),
        }

    def close(self) -> None:
        """Take no more."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _soon(self, request: m.Request, act: Callable[[], m.Answer]) -> None:
        self._thread.submit(self._respond, request, act)

    def _list(self) -> m.Answer:
        return m.Models(
            [
                m.ModelChoice(
                    printable(info.name), info.size, info.path is not None, info.description
                )
                for info in models.list()
            ]
        )

    def _set(self, name: str) -> m.Answer:
        info = _listed(name)
        if info.path is None:
            raise ModelError(f"{name} is not on this machine yet; download it first.")
        official = name == "nano" or name in CATALOGUE
        if official:
            self._session.set_model(name)
        else:
            self._session.set_model(info.path, info.config or None)
        return m.Done()

    def _download(self, name: str) -> m.Answer:
        if name not in CATALOGUE:
            raise ModelError(f"There is no model {name!r:.60} to download; take one of the list.")
        self._session.live.slot.download(name)
        return m.Done()

    def _cancel(self) -> m.Answer:
        self._session.live.download.cancel()
        return m.Done()


def _listed(name: str) -> ModelInfo:
    """Return the model that was chosen; a view may only name those of the list."""
    for info in models.list():
        if printable(info.name) == name:
            return info
    raise ModelError(f"{name[:60]} is not on the list of models; open the menu again.")
