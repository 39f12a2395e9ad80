"""Choose the programs of the default corpora from a larger pool, and put them in an order.

    python scripts/choose_corpus.py [--candidates 115] [--heldout 25]

Draws eight images of each candidate and rejects what is dull, static, like white noise, somewhere not a
number, or dear. Puts the rest in an order in which each program differs as much as can be from those before
it by the features of untrained networks, and leaves near-duplicates out. Writes catalogue.json beside the
grammar. No trained network and no image but the candidates' own has a say. Needs EGL, and five
minutes of a core.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from hashlib import sha256
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

from proxykd.errors import run
from proxykd.proxies.shaders.settings import FAMILIES

if TYPE_CHECKING:
    from proxykd.proxies.shaders.candidates import Candidate

REASONS = ("dull", "static", "white noise", "not a number", "dear", "few parameters")
PORTION = 20
POOL = dict.fromkeys(FAMILIES, 1.0) | {
    "blocks": 3.5,
    "heads": 3.0,
    "hulls": 3.0,
    "limbs": 4.0,
    "masks": 3.5,
    "silhouettes": 3.0,
}
"""Candidates and turns of each family. Enough for the default weights, and no part of them: a pool can have
other weights, and the catalogue stays the same."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--candidates", type=int, default=115, help="of a family with weight 1 (default: 115)"
    )
    parser.add_argument("--heldout", type=int, default=25, help="of the held-out corpus (default: 25)")
    parser.add_argument("--processes", type=int, default=2, help="that draw at the same time (default: 2)")
    given = parser.parse_args()
    from proxykd.proxies.shaders.catalogue import FILE, HELDOUT
    from proxykd.proxies.shaders.grammar import GRAMMAR_VERSION

    corpora = {
        "main": ordered(looked_at(given.candidates, 0, given.processes), "main"),
        "heldout": ordered(looked_at(given.heldout, HELDOUT, given.processes), "heldout"),
    }
    found = {"grammar": GRAMMAR_VERSION, "sha256": digest(corpora)} | corpora
    FILE.write_text(_lines(found), encoding="utf-8")
    print(f"{FILE}: {FILE.stat().st_size / 1000:.0f} kB")


def looked_at(count: int, first: int, processes: int) -> list[Candidate]:
    """Candidates of all families, `count` times its weight in `POOL`, with seeds from `first` on."""
    portions = [
        (family, range(first + k, first + min(k + PORTION, round(count * weight))))
        for family, weight in POOL.items()
        for k in range(0, round(count * weight), PORTION)
    ]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        return [one for part in pool.map(_portion, portions) for one in part]


def _portion(portion: tuple[str, range]) -> list[Candidate]:
    import os

    from proxykd.proxies.shaders.candidates import SIZE, SUPERSAMPLING, look_at
    from proxykd.proxies.shaders.context import compile_quickly
    from proxykd.proxies.shaders.studio import open_studio

    os.environ["LP_NUM_THREADS"] = "0"
    compile_quickly()
    with open_studio(SIZE, SUPERSAMPLING) as studio:
        return look_at(studio, *portion)


def ordered(candidates: list[Candidate], corpus: str) -> dict[str, list[int]]:
    """Each family's seeds in their order; prints what was left out and why."""
    import numpy as np

    from proxykd.proxies.shaders.choice import choose, features, portraits

    good = [one for one in candidates if not one.reasons]
    seen = portraits(np.stack([features(one.images_NHWC) for one in good]))
    chosen = choose(seen, [one.program.family for one in good], POOL)
    print(f"\n| {corpus} | candidates | {' | '.join(REASONS)} | near-duplicates | chosen |")
    print("|---" * (len(REASONS) + 4) + "|")
    for name in [*POOL, "all"]:
        of = [one for one in candidates if name in {one.program.family, "all"}]
        counts = Counter(reason for one in of for reason in one.reasons)
        picked = [part for family, part in chosen.items() if name in {family, "all"}]
        figures = [len(of), *(counts[reason] for reason in REASONS)]
        figures += [sum(part.duplicates for part in picked), sum(len(part.order) for part in picked)]
        print(f"| {name} | {' | '.join(map(str, figures))} |")
    return {name: [good[k].program.seed for k in part.order] for name, part in chosen.items()}


def digest(corpora: dict[str, dict[str, list[int]]]) -> str:
    """SHA-256 of the texts and ranges of all programs of a catalogue, in its order.

    Without what all programs begin and end with: that belongs to the back end, and changes no choice.
    """
    from proxykd.proxies.shaders.grammar import piece, write_program

    whole = sha256()
    for corpus in ("main", "heldout"):
        for family, seeds in corpora[corpus].items():
            for seed in seeds:
                program = write_program(family, seed)
                text = program.glsl.removeprefix(piece("head")).removesuffix(piece("main"))
                whole.update(f"{text}{program.ranges}".encode())
    return whole.hexdigest()


def _lines(found: dict[str, Any]) -> str:
    """JSON with one line a family."""
    parts = [f'"{name}": {json.dumps(found[name])}' for name in ("grammar", "sha256")]
    for corpus in ("main", "heldout"):
        rows = ",\n".join(f'    "{family}": {json.dumps(seeds)}' for family, seeds in found[corpus].items())
        parts.append(f'"{corpus}": {{\n{rows}\n  }}')
    return "{\n  " + ",\n  ".join(parts) + "\n}\n"


if __name__ == "__main__":
    run(main)
