"""The words in a class's name: `T-shirt/top`, `aquarium_fish`, `SeaLake`, `tench, Tinca tinca`."""

from __future__ import annotations

import re
import unicodedata

NUMBER = re.compile(r"n\d{8}(?!\d)")
BETWEEN_WORDS = re.compile(r"[\W_]+")
CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")
ALTERNATIVES = re.compile(r"[,/;()\[\]|]|\bor\b|\s-\s")
PLURALS = (("ies", "y"), ("ves", "f"), ("men", "man"), ("es", ""), ("s", ""))


def key(name: str) -> str:
    """A name without what is written one way here and another there: case, accents, underscores, hyphens."""
    parts = unicodedata.normalize("NFKD", name.lower().replace("'", ""))
    return BETWEEN_WORDS.sub(" ", "".join(part for part in parts if not unicodedata.combining(part))).strip()


def synset_in(name: str) -> str | None:
    """The number of the synset that a name starts with, as ImageNet's classes do (`n02084071`)."""
    found = NUMBER.match(name)
    return found.group() if found else None


def alternatives(name: str) -> list[str]:
    """The names in a name, which may hold several, and a synset's number before them."""
    without = NUMBER.sub("", name, count=1) if synset_in(name) else name
    return [part.strip() for part in ALTERNATIVES.split(without) if key(part)]


def spellings(name: str) -> list[str]:
    """How a dictionary may have a name, the likeliest first: as it is, with capitals as the beginnings of
    words, in the singular, and as one word."""
    found = [key(name), key(CAPITAL.sub(" ", name))]
    found += [single for one in list(found) for single in _singular(one)]
    found += [one.replace(" ", "") for one in list(found)]
    return list(dict.fromkeys(found))


def last_word(name: str) -> str | None:
    """The last of several words, which in English says what kind of thing it is; None for a single word."""
    words = key(CAPITAL.sub(" ", name)).split()
    return words[-1] if len(words) > 1 else None


def _singular(name: str) -> list[str]:
    return [
        name.removesuffix(ending) + instead
        for ending, instead in PLURALS
        if name.endswith(ending) and len(name) > len(ending) + 1
    ]
