"""Answers the requests that are about models: which there are, use another, download one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sam2_widget import answers, models, requests
from sam2_widget.answering import Aside
from sam2_widget.catalogue import CATALOGUE
from sam2_widget.errors import ModelError
from sam2_widget.library import printable

if TYPE_CHECKING:
    from sam2_widget.answering import Handlers, Respond
    from sam2_widget.models import ModelInfo
    from sam2_widget.session import Session


class Modelling(Aside):
    """Lists, switches and downloads models for the views of one session.

    A model takes seconds to load, and folders may be far away: the kernel never waits.

    Parameters
    ----------
    session : Session
        Whose model it is.
    respond : callable
        Answers a request with what a function returns, or with why it does not.
    """

    def __init__(self, session: Session, respond: Respond) -> None:
        super().__init__(respond, "sam2-widget-models")
        self._session = session

    @property
    def handlers(self) -> Handlers:
        """What answers each of the requests."""
        return {
            requests.ListModels: lambda request: self._soon(request, self._list),
            requests.SetModel: lambda request: self._soon(request, lambda: self._set(request.name)),
            requests.DownloadModel: lambda r: self._respond(r, lambda: self._download(r.name)),
            requests.CancelDownload: lambda request: self._respond(request, self._cancel),
        }

    def _list(self) -> answers.Answer:
        return answers.Models(
            [
                answers.ModelChoice(
                    printable(info.name), info.size, info.path is not None, info.description
                )
                for info in models.list()
            ]
        )

    def _set(self, name: str) -> None:
        info = _listed(name)
        if info.path is None:
            raise ModelError(f"{name} is not on this machine yet; download it first.")
        official = name == "nano" or name in CATALOGUE
        if official:
            self._session.set_model(name)
        else:
            self._session.set_model(info.path, info.config or None)

    def _download(self, name: str) -> answers.Answer:
        if name not in CATALOGUE:
            raise ModelError(f"There is no model {name!r:.60} to download; take one of the list.")
        self._session.live.slot.download(name)
        return answers.Done()

    def _cancel(self) -> answers.Answer:
        self._session.live.download.cancel()
        return answers.Done()


def _listed(name: str) -> ModelInfo:
    """Return the model that was chosen; a view may only name those of the list."""
    for info in models.list():
        if printable(info.name) == name:
            return info
    raise ModelError(f"{name[:60]} is not on the list of models; open the menu again.")
