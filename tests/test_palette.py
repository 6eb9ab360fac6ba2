"""Colours of scopes: apart from each other, and never changing."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from sam2_widget.annotations import Scope
from sam2_widget.palette import OKABE_ITO, color

REGIONS = ("overall", "shaft", "wrist", "gripper", "five", "six", "seven")


def test_the_palette_holds_different_colours_that_css_reads() -> None:
    assert len(set(OKABE_ITO)) == len(OKABE_ITO)
    assert all(re.fullmatch(r"#[0-9A-F]{6}", each) for each in OKABE_ITO)


@given(st.integers(1, 10**9))
def test_seven_regions_of_an_instance_differ(instance: int) -> None:
    assert len({color(Scope(instance, region), REGIONS) for region in REGIONS}) == 7


@given(st.integers(1, 10**9), st.sampled_from(REGIONS))
def test_seven_instances_in_a_row_differ_in_a_region(first: int, region: str) -> None:
    assert len({color(Scope(first + n, region), REGIONS) for n in range(7)}) == 7


@given(st.integers(1, 20), st.integers(0, 3))
def test_a_region_that_is_added_later_changes_no_colour(instance: int, place: int) -> None:
    scope = Scope(instance, REGIONS[place])
    assert color(scope, REGIONS[:4]) == color(scope, REGIONS)


def test_a_region_that_is_not_listed_has_a_colour_too() -> None:
    assert color(Scope(1, "gone"), REGIONS[:4]) in OKABE_ITO
