"""Reads the yaml of a model: its size, aliases and numbers bounded, without resolvers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml
from omegaconf import OmegaConf

from sam2_widget.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_BYTES = 1_000_000
"""Of a yaml file; sam2's own have 4 kB."""
MAX_NODES = 20_000
"""Values of a yaml file with its aliases written out; sam2's own have 300."""


MOST = {
    # Of the frame as the model sees it, and of its grid of features: memory grows by the square.
    "image_size": 4096,
    "feat_sizes": 512,
    # Each block or layer takes its time to build, whatever it holds; Hiera's largest has 48 blocks.
    "stages": 256,
    "num_layers": 256,
    "iou_head_depth": 256,
    # These size nothing.
    "temperature": 1e9,
    "rope_theta": 1e9,
}
"""The largest numbers by their keys, of a list its sum."""
MOST_ELSEWHERE = 10_000
"""Widths above all; SAM 2's largest is 2048."""
MOST_CLASSES = 100
"""Classes that are named; SAM 2 is made of 14."""


def read_model_config(path: Path) -> Any:
    """Return what a yaml file says under ``model``, with references to other values resolved.

    Raises
    ------
    ModelError
        If the file is too large, grows too large by its aliases, or asks for more than values.
    Exception
        Whatever the parsers raise at a file that is no yaml.
    """
    if path.stat().st_size > MAX_BYTES:
        raise ModelError(
            f"{path} is too large for a model config; give the yaml file that describes the model."
        )
    text = path.read_text("utf-8")
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if root is not None and _count(root, {}) > MAX_NODES:
        raise ModelError(f"{path} grows too large by its aliases; write its values out.")
    content = OmegaConf.create(text)
    _refuse_resolvers(OmegaConf.to_container(content), path)
    return OmegaConf.to_container(content.model, resolve=True)


def check_numbers(tree: Any, path: Path) -> None:
    """Refuse what no model needs, before anything of that size or number is built.

    Widths of up to `MOST_ELSEWHERE` each can multiply to more than any memory still: build what
    passes without numbers first, and compare its shapes with those of a checkpoint.

    Parameters
    ----------
    tree : dict
        What `read_model_config` returns.
    path : Path
        The file, for the error.

    Raises
    ------
    ModelError
        If a number, or a list's sum, is larger than any model of sam2's kind has, or too many
        classes are named.
    """
    left = MOST_CLASSES
    for key, value in _pairs(tree, ""):
        name = key.rpartition(".")[2]
        most = MOST.get(name, MOST_ELSEWHERE)
        numbers = [each for each in _numbers(value) if not isinstance(each, bool)]
        # Not the other way round: nothing is more than nan.
        if not sum(map(abs, numbers)) <= most:
            raise ModelError(
                f"{path} gives {value!r:.40} for {key:.200}, and {most:g} is the most that a model "
                "may have there; correct it."
            )
        left -= name == "_target_"
    if left < 0:
        raise ModelError(
            f"{path} names more than {MOST_CLASSES} classes, which no model of sam2's does."
        )


def _pairs(tree: Any, key: str) -> Iterator[tuple[str, Any]]:
    """Yield every value that is no mapping, with the path of keys to it; lists of mappings too."""
    if isinstance(tree, dict):
        for name, value in tree.items():
            yield from _pairs(value, f"{key}.{name}" if key else f"{name}")
    else:
        yield key, tree
        for child in tree if isinstance(tree, list) else []:
            if isinstance(child, dict | list):
                yield from _pairs(child, key)


def _numbers(value: Any) -> list[int | float]:
    return [
        each
        for each in (value if isinstance(value, list) else [value])
        if isinstance(each, int | float)
    ]


def _count(node: yaml.Node, known: dict[int, int]) -> int:
    """Return how many values a node stands for; more than are allowed where it holds itself."""
    key = id(node)
    if key not in known:
        # Until it is counted: who comes back here goes round in a circle.
        known[key] = MAX_NODES + 1
        known[key] = 1 + sum(_count(child, known) for child in _children(node))
    return known[key]


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [child for pair in node.value for child in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _refuse_resolvers(tree: Any, path: Path) -> None:
    """Refuse what would call a function while it is read: ``${oc.env:HOME}`` and its like."""
    if isinstance(tree, dict):
        children = [*tree, *tree.values()]
    else:
        children = tree if isinstance(tree, list) else []
    for child in children:
        if isinstance(child, str) and "${" in child and ":" in child:
            raise ModelError(f"{path} holds {child!r:.80}; write the value itself.")
        _refuse_resolvers(child, path)
