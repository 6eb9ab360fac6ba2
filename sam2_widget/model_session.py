"""The part of a session that is about its model: which it is, another one, what made the masks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sam2_widget import models, provenance
from sam2_widget.engines.base import Engine
from sam2_widget.errors import ModelError
from sam2_widget.session_base import SessionBase

if TYPE_CHECKING:
    from concurrent.futures import Future
    from pathlib import Path

    from sam2_widget.engine_slot import Model


class ModelSession(SessionBase):
    """Tells and switches the model, tells where masks come from; `Session` is one."""

    @property
    def model(self) -> str:
        """Name of the model in use; set it to use another one: see `set_model`.

        While ``"auto"`` has not been decided yet, which takes until torch is there, it is "auto".
        """
        return self._open.status.name

    @model.setter
    def model(self, model: str | Path | Engine) -> None:
        self.set_model(model)

    def set_model(
        self,
        model: str | Path | Engine,
        config: str | Path | None = None,
        device: str | None = None,
    ) -> None:
        """Use another model from now on, and return once it is loaded.

        Prompts and masks stay; every mask is marked with the model that made it, and none is stale
        because of the switch. A running track ends; `track` goes on with what is left of it, by the
        new model.

        Parameters
        ----------
        model : str, Path or Engine
            What `Session` takes: a name such as ``"sam2.1_hiera_small"`` (short:
            ``"sam2.1_hiera_s"``), ``"auto"``, ``"nano"``, a path to weights, or an engine.
        config : str or Path, optional
            Model config for a path to weights.
        device : str, optional
            ``"cuda"``, ``"mps"``, ``"cpu"`` or ``"auto"``; by default the one it was on.

        Raises
        ------
        ModelError
            If there is no such model, or it cannot be loaded; the old one stays in use.
        """
        self.set_model_soon(model, config, device).result()

    def set_model_soon(
        self,
        model: str | Path | Engine,
        config: str | Path | None = None,
        device: str | None = None,
    ) -> Future[None]:
        """Use another model without waiting until it is loaded; see `set_model`."""
        live = self._open
        if isinstance(model, Engine) and device is not None:
            raise ModelError("An engine of your own has its device already; leave device= out.")
        chosen: Model = model if isinstance(model, Engine) else models.resolve(model, config)
        used = live.slot.is_used(chosen, device) and live.status.status != "failed"
        # Weights that were trained on, under the same name, are another model.
        if used and live.slot.is_as_on_disk():
            return live.worker.submit(live.slot.check)
        future = live.slot.open(chosen, device)
        live.worker.submit(self._editor.make_unmade)
        return future

    def provenance(self, run: str | None = None) -> dict[str, Any]:
        """Return what makes the masks now, or what made those of a tracking run.

        Parameters
        ----------
        run : str, optional
            Id of a run: the column ``run`` of `to_dataframe`.

        Returns
        -------
        dict
            model, config, checkpoint (file, size in bytes, sha256), device, device_name,
            precision, batch_objects and batched (asked for, and whether objects went in batches;
            left out where the first frames of a track have yet to tell), fill_hole_area,
            min_mask_region_area, versions (sam2_widget, python, and the engine's libraries); as far
            as they are known. Of a run also run, started (UTC), scopes, range (frames
            [start, stop)), direction and force. Without `run` also ``runs``, the list of all of
            them in order. In it is also every `Session.clean`, with ``what`` "clean": started,
            scopes, fill_hole_area, min_mask_region_area and masks (how many changed). The hash of a
            large checkpoint takes seconds the first time.

        Raises
        ------
        ModelError
            If there is no such run.
        ProjectError
            If ``runs.jsonl`` cannot be read.
        """
        live = self._open
        runs = provenance.read_runs(live.root)
        if run is None:
            return {**live.provenance.now(), "runs": list(runs.values())}
        if run not in runs:
            raise ModelError(
                f"Nothing is known of a run {run!r:.60}; the column run of to_dataframe() names "
                "those there are."
            )
        return runs[run]
