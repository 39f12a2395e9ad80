"""The bound on a program's cost, on small texts with a known one."""

from __future__ import annotations

import pytest

from proxykd.proxies.shaders.cost import bound

SHADE = "void prepare() {}\nvec3 shade(vec2 z) {\n"


def test_operations_are_counted() -> None:
    assert bound(SHADE + "    return vec3(z.x + z.y * 2.0);\n}\n") == 3  # +, * and vec3


def test_a_loop_counts_its_body_as_often_as_it_goes_round() -> None:
    one = bound(SHADE + "    float s = 0.0;\n    for (int k = 0; k < 1; k++) s += z.x * z.y;\n}\n")
    ten = bound(SHADE + "    float s = 0.0;\n    for (int k = 0; k < 10; k++) s += z.x * z.y;\n}\n")
    again = bound(SHADE + "    float s = 0.0;\n    for (int k = 1; k <= 10; k++) {\n s += z.x * z.y;\n}\n}\n")
    assert ten == again == 10 * one


def test_loops_in_loops_multiply() -> None:
    inner = "for (int j = 0; j < 7; j++) s += z.x;"
    single = bound(SHADE + f"    float s = 0.0;\n    {inner}\n}}\n")
    double = bound(SHADE + f"    float s = 0.0;\n    for (int k = 0; k < 3; k++) {{ {inner} }}\n}}\n")
    assert double > 3 * single


def test_calls_cost_what_the_function_costs_for_these_arguments() -> None:
    function = "float f(float x, int n) {\n    for (int k = 0; k < n; k++) x = x * x;\n    return x;\n}\n"
    three = bound(function + SHADE + "    return vec3(f(z.x, 3));\n}\n")
    six = bound(function + SHADE + "    return vec3(f(z.x, 6));\n}\n")
    assert six - 1 == 2 * (three - 1)


@pytest.mark.parametrize(
    "loop",
    [
        "while (z.x < 1.0) z.x += 0.1;",
        "for (int k = 0; k < int(z.x); k++) z.x += 0.1;",
        "for (float k = 0.0; k < 9.0; k += z.x) z.y += k;",
        "for (;;) z.x += 0.1;",
    ],
)
def test_a_loop_without_a_constant_bound_is_refused(loop: str) -> None:
    with pytest.raises(ValueError, match="without a constant bound"):
        bound(SHADE + f"    {loop}\n    return vec3(z, 0.0);\n}}\n")
