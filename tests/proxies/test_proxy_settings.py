"""What a configuration can say about a rendered pool."""

from __future__ import annotations

import importlib
import json

import pytest
from pydantic import TypeAdapter, ValidationError

from proxykd.proxies.settings import LeavesPool, NoisePool, RenderedPool
from proxykd.proxies.shaders.settings import ShaderPool

pools: TypeAdapter[RenderedPool] = TypeAdapter(RenderedPool)


@pytest.mark.parametrize(
    ("kind", "section"), [("shaders", ShaderPool), ("leaves", LeavesPool), ("noise", NoisePool)]
)
def test_the_kind_chooses_the_pool_and_its_module(kind: str, section: type) -> None:
    pool = pools.validate_python({"kind": kind, "count": 5})
    assert isinstance(pool, section)
    (module,) = pool.modules()
    assert importlib.import_module(module).programs(pool)


@pytest.mark.parametrize("section", [ShaderPool, LeavesPool, NoisePool])
def test_a_pool_survives_its_canonical_form_and_explains_its_fields(section: type) -> None:
    pool = section(count=7)
    assert pools.validate_json(json.dumps(pool.canonical())) == pool
    assert all(field.description for field in section.model_fields.values())


def test_an_unknown_kind_names_the_known_ones() -> None:
    with pytest.raises(ValidationError, match="'shaders', 'leaves', 'noise'"):
        pools.validate_python({"kind": "stylegan"})
