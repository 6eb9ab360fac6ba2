"""Reads the yaml of a model: bounded in size and in what aliases grow to, without resolvers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml
from omegaconf import OmegaConf

from sam2_widget.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 1_000_000
"""Of a yaml file; sam2's own have 4 kB."""
MAX_NODES = 20_000
"""Values of a yaml file with its aliases written out; sam2's own have 300."""


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
