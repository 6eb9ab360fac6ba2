"""Regions, display names and colours as a pure value; knows no files and no browser."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from sam2_widget import palette
from sam2_widget.names import name_or_none

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sam2_widget.annotations import Scope

_K = TypeVar("_K")


@dataclass(frozen=True, slots=True)
class Labels:
    """How what is annotated is called and coloured: an immutable value that changes replace.

    Attributes
    ----------
    regions : tuple of str
        Region ids, in the user's order.
    region_names : mapping of str to str
        Display names of the regions that have one other than their id.
    instance_names : mapping of int to str
        Display names of the instances that have one.
    colors : mapping of Scope to str
        Colours "#rrggbb" of the scopes that have one of their own.
    """

    regions: tuple[str, ...]
    region_names: Mapping[str, str] = field(default_factory=dict)
    instance_names: Mapping[int, str] = field(default_factory=dict)
    colors: Mapping[Scope, str] = field(default_factory=dict)

    def region_name(self, region: str) -> str:
        """Return what a region is called: its display name, else its id."""
        return self.region_names.get(region, region)

    def color(self, scope: Scope) -> str:
        """Return the colour of a scope: its own, else the palette's."""
        return self.colors.get(scope) or palette.color(scope, self.regions)

    def with_regions(self, regions: tuple[str, ...]) -> Labels:
        """Return the labels with other regions."""
        return replace(self, regions=regions)

    def with_region_name(self, region: str, name: str | None) -> Labels:
        """Return the labels with another display name of a region; none is its id.

        Raises
        ------
        PromptError
            If it is no name.
        """
        text = name_or_none(name, "A region's name")
        return replace(
            self, region_names=_put(self.region_names, region, text if text != region else "")
        )

    def with_instance_name(self, instance: int, name: str | None) -> Labels:
        """Return the labels with another display name of an instance, or with none.

        Raises
        ------
        PromptError
            If it is no name.
        """
        text = name_or_none(name, "An instance's name")
        return replace(self, instance_names=_put(self.instance_names, instance, text))

    def with_color(self, scope: Scope, color: str | None) -> Labels:
        """Return the labels with another colour of a scope; None is the palette's.

        Raises
        ------
        PromptError
            If it is not written "#rrggbb".
        """
        own = "" if color is None else palette.check_color(color)
        return replace(self, colors=_put(self.colors, scope, own))

    def without_instance(self, instance: int) -> Labels:
        """Return the labels without the name and the colours of an instance."""
        colors = {scope: own for scope, own in self.colors.items() if scope.instance != instance}
        return replace(self, instance_names=_put(self.instance_names, instance, ""), colors=colors)


def _put(mapping: Mapping[_K, str], key: _K, value: str) -> dict[_K, str]:
    """Return a mapping with another value of a key, "" to leave the key out."""
    others = {k: v for k, v in mapping.items() if k != key}
    return {**others, key: value} if value else others
