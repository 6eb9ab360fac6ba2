"""The data of the catalogue: which checkpoints there are, where they come from, what they are."""

from __future__ import annotations

from dataclasses import dataclass

_META = "https://dl.fbaipublicfiles.com/segment_anything_2"


@dataclass(frozen=True, slots=True)
class Entry:
    """A checkpoint that can be downloaded.

    Attributes
    ----------
    name : str
        What users call it.
    file : str
        Name of its file.
    url : str
        Where it is published.
    size : int
        Bytes.
    sha256 : str or None
        Hash of the file in hexadecimal; None where none is known.
    config : str
        Name of the yaml file that sam2 ships for it.
    description : str
        Parameters, speed and quality in plain words.
    """

    name: str
    file: str
    url: str
    size: int
    sha256: str | None
    config: str
    description: str


# Name of Meta, name of sam2's config, millions of parameters, SAM 2.1 in words; the largest first.
# Meta's README has the figures behind the words: frames per second and J&F on SA-V, on an A100.
_KINDS = (
    ("large", "l", 224, "the most accurate and the slowest"),
    ("base_plus", "b+", 81, "the second in accuracy, 1.6 times as fast as large"),
    ("small", "s", 46, "fast, a little more accurate than tiny"),
    ("tiny", "t", 39, "the fastest, the one for a CPU"),
)
# Size in bytes and SHA-256. Meta publishes neither. The hashes are those that two tools compare
# after downloading from the same addresses: computational-cell-analytics/micro-sam
# (micro_sam/v2/util.py, today SAM 2.1, in earlier versions all eight) and the 3D Slicer extension
# mazurowski-lab/SlicerSegmentWithSAM (the four of SAM 2); of SAM 2.1 each is told also, with its
# size, by at least one more repository that measured its own copy, large as the LFS object of
# huggingface.co/facebook/sam2.1-hiera-large. The sizes of all eight stand in two download scripts.
_FILES = {
    "sam2.1_hiera_large": (
        898_083_611,
        "2647878d5dfa5098f2f8649825738a9345572bae2d4350a2468587ece47dd318",
    ),
    "sam2.1_hiera_base_plus": (
        323_606_802,
        "a2345aede8715ab1d5d31b4a509fb160c5a4af1970f199d9054ccfb746c004c5",
    ),
    "sam2.1_hiera_small": (
        184_416_285,
        "6d1aa6f30de5c92224f8172114de081d104bbd23dd9dc5c58996f0cad5dc4d38",
    ),
    "sam2.1_hiera_tiny": (
        156_008_466,
        "7402e0d864fa82708a20fbd15bc84245c2f26dff0eb43a4b5b93452deb34be69",
    ),
    "sam2_hiera_large": (
        897_952_466,
        "7442e4e9b732a508f80e141e7c2913437a3610ee0c77381a66658c3a445df87b",
    ),
    "sam2_hiera_base_plus": (
        323_493_298,
        "d0bb7f236400a49669ffdd1be617959a8b1d1065081789d7bbff88eded3a8071",
    ),
    "sam2_hiera_small": (
        184_309_650,
        "95949964d4e548409021d47b22712d5f1abf2564cc0c3c765ba599a24ac7dce3",
    ),
    "sam2_hiera_tiny": (
        155_906_050,
        "65b50056e05bcb13694174f51bb6da89c894b57b75ccdf0ba6352c597c5d1125",
    ),
}


def _entries() -> dict[str, Entry]:
    found = {}
    # Version, and the folder of Meta's server; the newer models first.
    for version, date in (("sam2.1", "092824"), ("sam2", "072824")):
        for kind, letter, millions, words in _KINDS:
            name = f"{version}_hiera_{kind}"
            size, sha256 = _FILES[name]
            old = "the first version, less accurate than SAM 2.1 of this size"
            found[name] = Entry(
                name,
                f"{name}.pt",
                f"{_META}/{date}/{name}.pt",
                size,
                sha256,
                f"configs/{version}/{version}_hiera_{letter}.yaml",
                f"{millions} million parameters; {words if version == 'sam2.1' else old}",
            )
    return found


CATALOGUE = _entries()
"""The official checkpoints by name: SAM 2.1 before SAM 2, each the largest first."""
OFFICIAL = {entry.file: entry.config for entry in CATALOGUE.values()}
"""Official file name -> sam2's own config, in the same order."""
