"""The catalogue: that it agrees with the grammar, and lists nothing dull, static or double."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from choose_corpus import digest
from proxykd.proxies.shaders import candidates, catalogue, choice
from proxykd.proxies.shaders.catalogue import FURTHER, HELDOUT
from proxykd.proxies.shaders.cost import MOST, bound
from proxykd.proxies.shaders.grammar import FAMILIES, GRAMMAR_VERSION, Program, corpus, write_program
from proxykd.proxies.shaders.settings import WEIGHTS, ShaderPool
from proxykd.proxies.shaders.sketch import FEWEST, PARAMETERS
from proxykd.proxies.shaders.studio import open_studio


def default_corpus(heldout: bool) -> list[tuple[str, int]]:
    return corpus(ShaderPool().families, 500 if heldout else ShaderPool().programs, heldout)


def test_the_catalogue_was_chosen_from_the_grammar_as_it_is() -> None:
    """Fails after an edit that changes a text: raise GRAMMAR_VERSION and run scripts/choose_corpus.py."""
    listed = catalogue.read()
    assert listed["grammar"] == GRAMMAR_VERSION
    assert listed["sha256"] == digest(listed)


@pytest.mark.parametrize("heldout", [False, True])
def test_a_default_corpus_is_chosen_to_the_last_program(heldout: bool) -> None:
    chosen = default_corpus(heldout)
    listed = catalogue.read()["heldout" if heldout else "main"]
    assert len(set(chosen)) == len(chosen)
    assert all(seed in listed[family] for family, seed in chosen)
    assert {seed >= HELDOUT for _, seed in chosen} == {heldout}
    assert set(listed) == set(FAMILIES)


def test_a_family_goes_on_with_further_seeds() -> None:
    listed = catalogue.read()["main"]["cells"]
    chosen = [seed for _, seed in corpus({"cells": 1.0}, len(listed) + 2, heldout=False)]
    assert chosen == [*listed, FURTHER, FURTHER + 1]


def test_a_prefix_has_the_families_by_weight() -> None:
    counts = Counter(family for family, _ in default_corpus(heldout=False)[:600])
    total = sum(WEIGHTS.values())
    assert all(abs(counts[name] - 600 * weight / total) < 1.5 for name, weight in WEIGHTS.items())


def test_costs_and_parameters_of_the_corpora_are_bounded() -> None:
    for heldout, every in ((False, 7), (True, 5)):
        for family, seed in default_corpus(heldout)[::every]:
            program = write_program(family, seed)
            assert bound(program.glsl) <= MOST, program.name
            assert FEWEST <= len(program.ranges) <= PARAMETERS, program.name


@pytest.mark.parametrize("heldout", [False, True])
def test_none_of_some_programs_is_dull_or_static(heldout: bool) -> None:
    with open_studio(candidates.SIZE, candidates.SUPERSAMPLING) as studio:
        for family, seed in default_corpus(heldout)[3 :: 100 if heldout else 200]:
            (candidate,) = candidates.look_at(studio, family, [seed])
            assert candidate.reasons == (), candidate.program.name


@pytest.mark.full
@pytest.mark.parametrize("heldout", [False, True])
def test_none_of_a_default_corpus_is_dull_static_or_double(heldout: bool) -> None:
    found = []
    with open_studio(candidates.SIZE, candidates.SUPERSAMPLING) as studio:
        for family, seed in default_corpus(heldout):
            found += candidates.look_at(studio, family, [seed])
    assert [one.program.name for one in found if one.reasons] == []
    features_PND = np.stack([choice.features(one.images_NHWC) for one in found])
    seen_PD = choice.portraits(features_PND)
    for k, portrait_D in enumerate(seen_PD[1:], start=1):
        # Scaled by other programs than the candidates were, distances are a little different.
        assert np.linalg.norm(seen_PD[:k] - portrait_D, axis=1).min() > 0.8 * choice.NEAR, found[
            k
        ].program.name


def images(make: np.ndarray) -> list[str]:
    return candidates.rejected(np.clip(make, 0, 255).astype(np.uint8))


def test_blanks_stills_and_white_noise_are_told() -> None:
    random = np.random.default_rng(0)
    shape = (candidates.IMAGES, 32, 32, 3)
    y, x = np.mgrid[:32, :32] / 31.0
    slopes_NHWC = np.stack([255 * np.abs(x - k / 7)[..., None] * np.ones(3) for k in range(8)])
    assert images(slopes_NHWC) == []
    assert images(np.full(shape, 90.0)) == ["dull", "static"]
    # Moves, but by shades of one tone.
    assert images(np.stack([np.full((32, 32, 3), 20.0 * k) for k in range(8)])) == ["dull"]
    assert images(np.stack([200 * (x * y)[..., None] * np.ones(3)] * 8)) == ["static"]
    assert images(random.uniform(0, 255, shape)) == ["white noise"]


def test_sparse_marks_on_black_are_not_dull() -> None:
    marks_NHWC = np.zeros((8, 32, 32, 3))
    for k in range(8):
        # A pen's edges are soft.
        for half, level in ((2, 110), (1, 255)):
            marks_NHWC[k, 6 + 2 * k - half : 5 + 2 * k + half, 4:28] = level
            marks_NHWC[k, 6:26, 4 + 3 * k - half : 3 + 3 * k + half] = level
    assert images(marks_NHWC) == []


def test_what_is_not_a_number_is_found() -> None:
    text = "vec3 shade(vec2 z) {\n    return vec3(z, 0.0) * (z.x > 0.5 ? sqrt(-abs(p0.x) - 1.0) : 1.0);\n}\n"
    sound = write_program("gratings", 3)
    start = sound.glsl.index("vec3 shade")
    end = sound.glsl.index("\n}\n", start) + 3
    broken = Program("gratings", 3, sound.glsl[:start] + text + sound.glsl[end:], sound.ranges)
    values = [broken.parameters(k) for k in range(2)]
    with open_studio(16, 1) as studio:
        marked = studio.draw(candidates.marking(broken), values)
        unmarked = studio.draw(candidates.marking(sound), values)
    assert (marked[:, :, 14] == candidates.MARK).all()
    assert not (unmarked == candidates.MARK).all(axis=-1).any()


def test_a_program_that_is_dear_or_has_few_parameters_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    family, seed = default_corpus(heldout=False)[0]
    with open_studio(candidates.SIZE, candidates.SUPERSAMPLING) as studio:
        assert candidates.look_at(studio, family, [seed])[0].reasons == ()
        monkeypatch.setattr(candidates, "MOST", 10)
        monkeypatch.setattr(candidates, "FEWEST", PARAMETERS + 1)
        assert candidates.look_at(studio, family, [seed])[0].reasons == ("dear", "few parameters")


def test_portraits_of_the_same_images_are_the_same_and_of_others_apart() -> None:
    random = np.random.default_rng(1)
    pictures = random.integers(0, 256, (3, 4, 32, 32, 3), dtype=np.uint8)
    pictures[2] = 255 - pictures[0] // 3
    features_PND = np.stack([choice.features(one) for one in [*pictures, pictures[0]]])
    seen_PD = choice.portraits(features_PND)
    assert np.linalg.norm(seen_PD[3] - seen_PD[0]) < 1e-4
    assert np.linalg.norm(seen_PD[2] - seen_PD[0]) > choice.NEAR


def test_the_choice_goes_round_the_families_and_leaves_doubles_out() -> None:
    portraits_PD = np.array([[0.0], [0.01], [5.0], [9.0], [2.0], [9.02]], dtype=np.float32)
    chosen = choice.choose(portraits_PD, ["a", "a", "a", "b", "b", "b"], {"a": 1.0, "b": 1.0})
    assert [chosen[name].order for name in "ab"] == [[0, 2], [5, 4]]
    assert [chosen[name].duplicates for name in "ab"] == [1, 1]
