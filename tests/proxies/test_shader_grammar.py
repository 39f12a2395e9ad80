"""Programs as text: which there are, how they are shared out, and that they stay what they are."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from proxykd.proxies.shaders import settings, streams
from proxykd.proxies.shaders.cost import MOST, bound
from proxykd.proxies.shaders.families import figures, gratings
from proxykd.proxies.shaders.grammar import FAMILIES, HELDOUT, corpus, write_program
from proxykd.proxies.shaders.settings import ShaderPool
from proxykd.proxies.shaders.sketch import Sketch

SCRIPTS = Path(__file__).parents[2] / "scripts"


def texts(heldout: bool, programs: int = 300) -> list[str]:
    return [write_program(f, s).glsl for f, s in corpus(ShaderPool().families, programs, heldout)]


def test_the_default_corpus_has_2000_different_programs_of_all_families() -> None:
    assert ShaderPool().programs == 2000
    assert len(FAMILIES) >= 16
    chosen = corpus(ShaderPool().families, 2000, heldout=False)
    assert {family for family, _ in chosen} == set(FAMILIES)
    assert len({write_program(*one).glsl for one in chosen}) == 2000


def test_heldout_programs_are_none_of_the_main_corpus() -> None:
    assert not set(texts(heldout=False)) & set(texts(heldout=True))
    assert all(seed >= HELDOUT for _, seed in corpus(ShaderPool().families, 300, heldout=True))
    assert all(seed < HELDOUT for _, seed in corpus(ShaderPool().families, 300, heldout=False))


def test_settings_and_grammar_name_the_same_families() -> None:
    assert tuple(FAMILIES) == settings.FAMILIES


def test_weights_share_out_the_programs_and_keep_a_familys_seeds() -> None:
    chosen = corpus({"strokes": 3.0, "cells": 1.0, "noise": 0.0}, 40, heldout=False)
    assert Counter(family for family, _ in chosen) == {"strokes": 30, "cells": 10}
    cells = [seed for family, seed in chosen if family == "cells"]
    assert cells == [seed for _, seed in corpus({"cells": 1.0}, 10, heldout=False)]
    early = Counter(family for family, _ in chosen[:8])
    assert early == {"strokes": 6, "cells": 2}


def test_an_unknown_family_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValidationError, match=r"no shader family is called plasmas; there are .*strokes"):
        ShaderPool(families={"plasmas": 1.0})


@pytest.mark.parametrize("families", [{}, {"cells": 0.0}, {"cells": 1.0, "noise": -1.0}])
def test_weights_that_leave_nothing_are_refused(families: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match="weight"):
        ShaderPool(families=families)


def test_programs_are_bounded_and_free_of_what_differs_between_devices() -> None:
    for text in texts(heldout=False):
        assert len(text) < 12_000
        assert "fract(sin" not in text
        assert "$" not in text
        assert bound(text) <= MOST


def test_the_text_does_not_depend_on_the_process() -> None:
    code = (
        "import hashlib\nfrom proxykd.proxies.shaders.grammar import FAMILIES, write_program\n"
        "print(hashlib.sha256(''.join(write_program(f, 11).glsl for f in FAMILIES).encode()).hexdigest())"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONPATH": str(SCRIPTS), "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(runs) == 1


def test_parameters_lie_in_their_ranges_and_follow_their_seed() -> None:
    program = write_program("strokes", 4)
    one, same, other = program.parameters(8), program.parameters(8), program.parameters(9)
    assert (one == same).all()
    assert (one != other).all()
    assert all(low <= value <= high for value, (low, high) in zip(one, program.ranges, strict=True))


@pytest.mark.parametrize("first", [0, 7 << 32])
def test_parameters_of_many_images_are_those_of_each(first: int) -> None:
    program = write_program("cells", 1)
    seeds = range(first, first + 30, 3)
    rows_NP = program.parameters_of(seeds)
    assert rows_NP.dtype == np.float32
    assert (rows_NP == [program.parameters(seed) for seed in seeds]).all()


def test_streams_are_those_of_numpy() -> None:
    random = np.random.default_rng(0)
    for words in (1, 3, 4, 7):
        drawn_WN = random.integers(0, 2**32, (words, 50), np.uint32)
        expected = [np.random.SeedSequence(seed.tolist()).generate_state(8) for seed in drawn_WN.T]
        assert (expected == streams.seeded(drawn_WN).T).all()
    with pytest.raises(ValueError, match="words"):
        streams.uniforms_of(4, [1], [2**32 - 1, 2**32])


def test_a_family_within_another_keeps_to_its_names_and_its_share_of_parameters() -> None:
    sketch = Sketch("overlays", 1, 5)
    sketch.parameter(0.0, 1.0)
    assert sketch.inner(gratings.write, "inside", 3) == ""
    assert len(sketch.ranges) == 4
    (text,) = sketch.body
    assert "vec3 shade_inside(vec2 z)" in text
    assert "colour_inside(" in text
    assert not re.search(r"\b(shade|frame|colour|wave)\b", text)
    assert sketch.inner(figures.write, "outside", 3) == "prepare_outside();"
    assert "void prepare_outside()" in sketch.body[-1]
    assert re.search(r"\bparts_outside\[0\] =", sketch.body[-1])
