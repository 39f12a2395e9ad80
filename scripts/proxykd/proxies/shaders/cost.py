"""A bound on what a sample of a program costs, computed from its text without running it.

Loops count as often as the constants in their heads allow, calls of the program's own functions as the
functions do; both sides of a branch count. So no choice of parameters makes a program dearer than this.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

MOST = 4500
"""Operations of a sample that a program may have at most."""
OPERATIONS = {
    **dict.fromkeys(("sin", "cos", "tan", "exp", "log", "log2", "sqrt", "inversesqrt", "normalize"), 4),
    **dict.fromkeys(("length", "distance", "mod", "smoothstep", "reflect", "fract", "floor"), 4),
    **dict.fromkeys(("pow", "atan", "tanh", "asin", "acos"), 10),
}
"""Functions of GLSL that cost more than the one operation of any other."""
TOKEN = re.compile(r"[A-Za-z_]\w*|\d[\w.]*|\+\+|--|[<>=!+\-*/]=|&&|\|\||<<|>>|[^\s]")
FUNCTION = re.compile(r"^(?:void|float|vec\d|mat\d|uvec\d|uint|int|bool) (\w+)\(([^)]*)\) \{", re.MULTILINE)
COMMENT = re.compile(r"//[^\n]*")
COUNTED = {
    "+",
    "-",
    "*",
    "/",
    "%",
    "<",
    ">",
    "?",
    "&",
    "|",
    "^",
    "<<",
    ">>",
    "<=",
    ">=",
    "==",
    "!=",
    "&&",
    "||",
} | {
    "+=",
    "-=",
    "*=",
    "/=",
}


def bound(text: str) -> int:
    """Operations of `prepare` and `shade` at most. Raises ValueError where a loop has no constant bound."""
    functions = _functions(COMMENT.sub("", text))

    @cache
    def of(name: str, given: tuple[int | None, ...]) -> int:
        parameters, body = functions[name]
        return _cost(body, dict(zip(parameters, given, strict=False)))

    def _cost(tokens: tuple[str, ...], known: Mapping[str, int | None]) -> int:
        total, k = 0, 0
        while k < len(tokens):
            token = tokens[k]
            if token == "while" or token == "do":
                raise ValueError(f"a loop without a constant bound: {' '.join(tokens[k : k + 12])}")
            if token == "for":
                head = _closing(tokens, k + 1)
                end = _statement(tokens, head)
                total += _rounds(tokens[k + 2 : head - 1], known) * (
                    2 + _cost(tokens[k + 2 : head - 1], known) + _cost(tokens[head:end], known)
                )
                k = end
                continue
            if k + 1 < len(tokens) and tokens[k + 1] == "(" and token in functions:
                total += of(token, _integers(tokens[k + 2 : _closing(tokens, k + 1) - 1], known))
            elif k + 1 < len(tokens) and tokens[k + 1] == "(" and token[0].isalpha():
                total += OPERATIONS.get(token, 1)
            total += token in COUNTED
            k += 1
        return total

    return of("prepare", ()) + of("shade", ())


def _functions(text: str) -> dict[str, tuple[list[str], tuple[str, ...]]]:
    """The text's functions: name -> names of its parameters, tokens of its body."""
    found = {}
    for match in FUNCTION.finditer(text):
        tokens = tuple(TOKEN.findall(text[match.end() - 1 :]))
        names = [part.split()[-1] for part in match[2].split(",") if part.strip()]
        found[match[1]] = names, tokens[1 : _closing(tokens, 0) - 1]
    return found


def _closing(tokens: tuple[str, ...], k: int) -> int:
    """Where it goes on behind the bracket that closes the one at k."""
    depth = 0
    for place in range(k, len(tokens)):
        depth += (tokens[place] in "([{") - (tokens[place] in ")]}")
        if depth == 0:
            return place + 1
    raise ValueError(f"a bracket stays open: {' '.join(tokens[k : k + 12])}")


def _statement(tokens: tuple[str, ...], k: int) -> int:
    """Where the statement that begins at k ends."""
    if tokens[k] == "{":
        return _closing(tokens, k)
    while tokens[k] != ";":
        k = _closing(tokens, k) if tokens[k] in "([{" else k + 1
    return k + 1


def _rounds(head: tuple[str, ...], known: Mapping[str, int | None]) -> int:
    """How often a loop goes round at most: from a constant, up by one, to a constant or a known argument."""
    match = re.match(r"int (\w+) = (\d+) ; \1 (<=?) (\w+)(?: && [^;]+)? ; \1 \+\+$", " ".join(head))
    limit = None if match is None else int(match[4]) if match[4].isdigit() else known.get(match[4])
    if match is None or limit is None:
        raise ValueError(f"a loop without a constant bound: for ({' '.join(head)})")
    return max(0, limit - int(match[2]) + (match[3] == "<="))


def _integers(tokens: tuple[str, ...], known: Mapping[str, int | None]) -> tuple[int | None, ...]:
    """A call's arguments that are integer constants, None for the others."""
    parts: list[list[str]] = [[]]
    depth = 0
    for token in tokens:
        depth += (token in "([{") - (token in ")]}")
        if token == "," and depth == 0:
            parts.append([])
        else:
            parts[-1].append(token)
    return tuple(
        int(part[0]) if len(part) == 1 and part[0].isdigit() else known.get("".join(part)) for part in parts
    )
