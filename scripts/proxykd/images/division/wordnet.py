"""WordNet's nouns for what can be photographed (`nouns.tsv.gz`, which `scripts/wordnet_table.py` writes).

A synset is called by its number with an n before it, as ImageNet calls its classes: n02084071 is the dog.
"""

from __future__ import annotations

import gzip
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from proxykd.images.division.names import key

TABLE = Path(__file__).with_name("nouns.tsv.gz")
ANIMAL = "n00015388"
THINGS = {6, 13, 17, 20}
"""Artifacts, food, natural objects, plants, by the number of WordNet's file (lexnames(5WN)). What is left are
persons, places, parts of bodies and substances."""


@dataclass(frozen=True)
class Sense:
    """One meaning of a word."""

    synset: str
    place: int
    """Among the word's meanings in WordNet's order, from 1."""
    count: int
    """How often the texts that WordNet's authors went through have the word in this meaning."""


@dataclass
class Nouns:
    """The table, by synset and by word."""

    kinds: dict[str, int] = field(default_factory=dict)
    """Synset -> the number of WordNet's file that it is from."""
    above: dict[str, list[str]] = field(default_factory=dict)
    """Synset -> those right above it."""
    words: dict[str, list[str]] = field(default_factory=dict)
    senses: dict[str, list[Sense]] = field(default_factory=lambda: defaultdict(list))
    """A word, as `names.key` writes it -> its meanings."""

    def lineage(self, synset: str) -> Iterator[str]:
        """A synset and all that are above it, the nearest first."""
        row = [synset]
        seen = {synset}
        while row:
            yield from row
            row = [one for below in row for one in self.above[below] if one not in seen]
            row = list(dict.fromkeys(row))
            seen.update(row)

    def likeliest(self, senses: Iterable[Sense]) -> Sense:
        """What a class of images is likely to mean by a word: the animal, or else the thing; of several the
        one that texts have most often; then WordNet's first."""

        def rank(sense: Sense) -> tuple[int, int, int]:
            animal = ANIMAL in self.lineage(sense.synset)
            return 0 if animal else 1 if self.pictured(sense.synset) else 2, -sense.count, sense.place

        return min(senses, key=rank)

    def pictured(self, synset: str) -> bool:
        """Whether it is an animal or a thing, as classes of images mostly are."""
        return self.kinds[synset] in THINGS or ANIMAL in self.lineage(synset)

    def title(self, synset: str) -> str:
        """A synset in words, for example `English springer (n02102040)`."""
        return f"{self.words[synset][0].replace('_', ' ')} ({synset})"


@cache
def nouns() -> Nouns:
    """The table, read once."""
    table = Nouns()
    with gzip.open(TABLE, "rt", encoding="ascii") as lines:
        for line in lines:
            number, kind, above, words = line.rstrip("\n").split("\t")
            synset = f"n{number}"
            table.kinds[synset] = int(kind)
            table.above[synset] = [f"n{one}" for one in above.split()]
            split = [word.rsplit(":", 2) for word in words.split()]
            table.words[synset] = [word for word, _, _ in split]
            for word, place, count in split:
                table.senses[key(word)].append(Sense(synset, int(place), int(count)))
    return table
