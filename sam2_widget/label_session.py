"""The part of a session that is about regions, display names and colours."""

from __future__ import annotations

from sam2_widget import views
from sam2_widget.ids import check_regions
from sam2_widget.session_base import SessionBase


class LabelSession(SessionBase):
    """Adds regions, names and colours what is annotated, deletes instances; `Session` is one."""

    @property
    def regions(self) -> tuple[str, ...]:
        """Region ids, in order."""
        return self._live.regions

    @property
    def region_names(self) -> dict[str, str]:
        """What each region is called, by id: its display name, else the id."""
        labels = self._live.labels
        return {region: labels.region_name(region) for region in labels.regions}

    @property
    def instance_names(self) -> dict[int, str]:
        """Display names by instance, of those that have one."""
        return dict(sorted(self._live.labels.instance_names.items()))

    def color(self, instance: int, region: str) -> str:
        """Return the colour "#rrggbb" that a scope is drawn in.

        Raises
        ------
        UnknownRegionError
            If there is no such scope.
        """
        scope = self._scope(instance, region)
        return self._live.labels.color(scope)

    def add_region(self, region: str) -> None:
        """Add a region to the project.

        Parameters
        ----------
        region : str
            1 to 64 letters, digits, ``_`` or ``-``, beginning with a letter or digit.

        Raises
        ------
        ProjectError
            If it is not allowed, or there already but for upper and lower case.
        """

        def act() -> None:
            labels = self._live.labels
            wider = labels.with_regions(check_regions([*labels.regions, region]))
            self._editor.change_labels(wider, f"new region {region}", region=region)

        self._do(act)

    def rename_region(self, region: str, name: str) -> None:
        """Give a region a display name; its id, and with it the names of files, stays.

        Parameters
        ----------
        region : str
            Region id.
        name : str
            1 to 300 characters in one line, or "" to be called by its id.

        Raises
        ------
        UnknownRegionError
            If there is no such region.
        PromptError
            If it cannot be called so.
        """
        chosen = self._scope(1, region).region

        def act() -> None:
            labels = self._live.labels.with_region_name(chosen, name)
            self._editor.change_labels(labels, f"name of region {chosen}", region=chosen)

        self._do(act)

    def rename_instance(self, instance: int, name: str) -> None:
        """Give an instance a display name; its number stays.

        Parameters
        ----------
        instance : int
            Instance number, 1 or more.
        name : str
            1 to 300 characters in one line, or "" for none.

        Raises
        ------
        PromptError
            If it cannot be called so.
        """
        number = views.instance_of(instance)

        def act() -> None:
            labels = self._live.labels.with_instance_name(number, name)
            self._editor.change_labels(labels, f"name of instance {number}", number)

        self._do(act)

    def set_color(self, instance: int, region: str, color: str | None) -> None:
        """Give a scope a colour of its own, here and in pictures, videos and plots.

        Parameters
        ----------
        instance : int
            Instance number, 1 or more.
        region : str
            Region id.
        color : str or None
            ``"#rrggbb"``, or None for the palette's.

        Raises
        ------
        UnknownRegionError
            If there is no such scope.
        PromptError
            If it is no colour.
        """
        scope = self._scope(instance, region)

        def act() -> None:
            labels = self._live.labels.with_color(scope, color)
            self._editor.change_labels(labels, f"colour of {scope}", *scope)

        self._do(act)

    def delete_instance(self, instance: int) -> None:
        """Remove all of an instance: prompts, masks, keypoints, name and colours.

        Undo brings it back in one step.
        """
        number = views.instance_of(instance)
        self._do(lambda: self._editor.delete_instance(number))
