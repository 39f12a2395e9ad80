"""Whether a class of images shows what one of the teacher's classes shows, as far as WordNet and names tell.

Two classes overlap where one is the other or a kind of it: an English springer is a dog, and a set's class
dog overlaps with a teacher's class beagle. A name may mean several things (a crane is a bird or a machine).
What is likely meant decides that classes overlap; that they do not is only said where no meaning of theirs
does. Between the two a class is undecided, and so is one that WordNet does not know: nothing is claimed of
it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from proxykd.images.division.names import alternatives, key, last_word, spellings, synset_in
from proxykd.images.division.wordnet import Sense, nouns

Part = Literal["id", "ood", "undecided"]


@dataclass(frozen=True)
class Meaning:
    """What a class's name may stand for."""

    names: frozenset[str]
    """Its names in all spellings; none where a synset's number says what is meant."""
    likely: list[str]
    """Synsets, one for each of several names; empty where WordNet does not know the name."""
    possible: list[str]
    """All synsets, also those that the last word alone stands for where the whole is not known."""


def meaning(name: str) -> Meaning:
    """What a class's name may stand for."""
    synset = synset_in(name)
    if synset is not None and synset in nouns().kinds:
        return Meaning(frozenset(), [synset], [synset])
    parts = alternatives(name)
    names = frozenset(spelling for part in parts for spelling in spellings(part))
    known = [senses for part in parts if (senses := _senses(part))]
    if not known:
        last = [word for part in parts if (word := last_word(part)) is not None]
        return Meaning(names, [], _synsets([_senses(word) for word in last]))
    return Meaning(names, _likely(known), _synsets(known))


def _senses(name: str) -> list[Sense]:
    """The meanings of the first spelling that WordNet has."""
    return next((nouns().senses[one] for one in spellings(name) if one in nouns().senses), [])


def _synsets(several: list[list[Sense]]) -> list[str]:
    return list(dict.fromkeys(sense.synset for senses in several for sense in senses))


def _likely(several: list[list[Sense]]) -> list[str]:
    """Where several names share a synset, that is meant: `crane, bird` would be, `tench, Tinca tinca` is."""
    shared = Counter(synset for senses in several for synset in {sense.synset for sense in senses})
    most = max(shared.values())
    if most > 1:
        several = [[one for one in senses if shared[one.synset] == most] for senses in several]
    return list(dict.fromkeys(nouns().likeliest(senses).synset for senses in several if senses))


@dataclass
class Covered:
    """What the teacher's classes cover."""

    at: dict[str, str] = field(default_factory=dict)
    """Synset -> the class that it is."""
    above: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Synset -> a class that is a kind of it, and that class's synset."""

    def add(self, name: str, synset: str) -> None:
        self.at.setdefault(synset, name)
        for one in nouns().lineage(synset):
            self.above.setdefault(one, (name, synset))

    def touching(self, synset: str) -> str | None:
        """How a synset overlaps with what is covered, in words; None where it does not."""
        title = nouns().title
        for one in nouns().lineage(synset):
            if one in self.at and one == synset:
                return f"{title(synset)} is the teacher's {self.at[one]}"
            if one in self.at:
                return f"{title(synset)} is a kind of {title(one)}, the teacher's {self.at[one]}"
        if synset in self.above:
            name, below = self.above[synset]
            return f"{title(below)}, the teacher's {name}, is a kind of {title(synset)}"
        return None


@dataclass(frozen=True)
class Verdict:
    """On one class of a set."""

    part: Part
    reason: str
    known: bool = True
    """Whether WordNet knows the class."""


class Teacher:
    """A teacher's classes, to compare others with."""

    def __init__(self, classes: Sequence[str]) -> None:
        self.names_given = list(classes)
        self.names: dict[str, str] = {}
        self.likely, self.possible = Covered(), Covered()
        self.unknown: list[str] = []
        self.vague: dict[str, str] = {}
        for name in classes:
            self._add(name, meaning(name))

    def _add(self, name: str, meant: Meaning) -> None:
        self.names |= {spelling: name for spelling in meant.names if spelling not in self.names}
        for synset in meant.likely:
            self.likely.add(name, synset)
        for synset in meant.possible:
            self.possible.add(name, synset)
        if not meant.likely:
            self.unknown.append(name)
        if not any(map(nouns().pictured, meant.likely)):
            # WordNet has Persians as people alone, but the teacher may mean the Persian cat.
            self.vague |= {f" {key(part)} ": name for part in alternatives(name)}

    def verdict(self, name: str) -> Verdict:
        """Where a class belongs, and why."""
        meant = meaning(name)
        known = bool(meant.likely)
        same = sorted(meant.names & self.names.keys())
        if same:
            return Verdict("id", f"it has the name of the teacher's {self.names[same[0]]}", known)
        if reason := _first(self.likely, meant.likely):
            return Verdict("id", reason)
        if reason := _first(self.possible, meant.possible) or self._namesake(meant):
            return Verdict("undecided", f"it depends on what is meant: {reason}", known)
        if not known:
            return Verdict("undecided", "WordNet does not know its name", known)
        titles = " or ".join(nouns().title(synset) for synset in meant.likely)
        return Verdict("ood", f"{titles} is no kind of what the teacher knows, nor the other way round")

    def _namesake(self, meant: Meaning) -> str | None:
        """A class whose words hold the name of one of the teacher's that WordNet does not have as a thing."""
        words = [key(word) for synset in meant.likely for word in nouns().words[synset]]
        for word in [*words, *sorted(meant.names)]:
            for part, name in self.vague.items():
                if part in f" {word} ":
                    return f"'{word}' has the teacher's {name} in it"
        return None


def _first(covered: Covered, synsets: list[str]) -> str | None:
    return next((reason for one in synsets if (reason := covered.touching(one)) is not None), None)
