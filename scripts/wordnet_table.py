"""Write the table of nouns by which classes are told apart, from WordNet's own files.

    apt-get install wordnet-base
    python scripts/wordnet_table.py --wordnet /usr/share/wordnet

The table holds the nouns for what can be photographed (animals, plants, food, artifacts, persons, places, but
no single ones such as Mont Blanc), ImageNet's 21,841 classes as timm lists them, and all that is above these:
a line a synset with its number (ImageNet's class names are these numbers, with an n before them), the kind of
noun, the numbers of the synsets right above, and its words. Behind a word stand its place among the word's
meanings, and how often WordNet's texts have it in this meaning.
"""

import argparse
import gzip
import importlib.resources
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from proxykd.errors import UserError, run

OUT = Path(__file__).resolve().parent / "proxykd" / "images" / "division" / "nouns.tsv.gz"
PICTURED = {5, 6, 8, 13, 15, 17, 18, 20, 27}
"""Of WordNet's files of nouns (lexnames(5WN)): animal, artifact, body, food, location, object, person, plant,
substance."""


@dataclass(frozen=True)
class Synset:
    """One of WordNet's, as data.noun has it (wndb(5WN))."""

    kind: int
    words: list[tuple[str, int]]
    """With the number that tells a word's meanings within a file apart."""
    above: list[str]
    single: bool
    """Whether it is one thing and no kind of thing."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    place = "folder with data.noun, index.noun and cntlist.rev of WordNet 3.0 (default: /usr/share/wordnet)"
    parser.add_argument("--wordnet", type=Path, default=Path("/usr/share/wordnet"), help=place)
    lines = table(parser.parse_args().wordnet)
    OUT.write_bytes(gzip.compress("".join(lines).encode(), 9, mtime=0))
    print(f"{OUT}: {len(lines)} synsets, {OUT.stat().st_size / 1000:.0f} kB")


def table(folder: Path) -> list[str]:
    """The table's lines. Raises UserError where the folder has no WordNet."""
    if not (folder / "data.noun").is_file():
        raise UserError(
            f"There is no {folder / 'data.noun'}. Install Debian's wordnet-base, or set --wordnet."
        )
    synsets, places, counts = _synsets(folder), _places(folder), _counts(folder)
    known = {number for number, one in synsets.items() if one.kind in PICTURED and not one.single}
    return [_line(number, synsets, places, counts) for number in _with_above(known | _imagenet(), synsets)]


def _entries(path: Path) -> Iterator[list[str]]:
    """The words of each line but those of the licence, which start with a space, and the glosses."""
    for line in path.read_text(encoding="ascii").splitlines():
        if not line.startswith(" "):
            yield line.split(" | ")[0].split()


def _synsets(folder: Path) -> dict[str, Synset]:
    found = {}
    for number, kind, _, count, *rest in _entries(folder / "data.noun"):
        end = 2 * int(count, 16)
        words = [(rest[i], int(rest[i + 1], 16)) for i in range(0, end, 2)]
        pointers = [rest[i : i + 2] for i in range(end + 1, end + 1 + 4 * int(rest[end]), 4)]
        above = [target for symbol, target in pointers if symbol == "@"]
        found[number] = Synset(int(kind), words, above, any(symbol == "@i" for symbol, _ in pointers))
    return found


def _places(folder: Path) -> dict[tuple[str, str], int]:
    """(word in lower case, synset) -> the place of this meaning among the word's, from 1."""
    found = {}
    for word, _, count, pointers, *rest in _entries(folder / "index.noun"):
        numbers = rest[int(pointers) + 2 :]
        assert len(numbers) == int(count), word
        found |= {(word, number): place for place, number in enumerate(numbers, 1)}
    return found


def _counts(folder: Path) -> dict[str, int]:
    """Sense key (senseidx(5WN)) -> how often it was found in texts."""
    return {key: int(count) for key, _, count in _entries(folder / "cntlist.rev")}


def _imagenet() -> set[str]:
    lists = importlib.resources.files("timm.data._info")
    names = (lists / "imagenet22k_synsets.txt").read_text().split()
    return {name.removeprefix("n") for name in names}


def _with_above(numbers: set[str], synsets: dict[str, Synset]) -> list[str]:
    found: set[str] = set()
    waiting = list(numbers)
    while waiting:
        number = waiting.pop()
        if number not in found:
            found.add(number)
            waiting += synsets[number].above
    return sorted(found)


def _line(
    number: str,
    synsets: dict[str, Synset],
    places: dict[tuple[str, str], int],
    counts: dict[str, int],
) -> str:
    one = synsets[number]
    words = []
    for word, within in one.words:
        key = f"{word.lower()}%1:{one.kind:02d}:{within:02d}::"
        words.append(f"{word}:{places[word.lower(), number]}:{counts.get(key, 0)}")
    return f"{number}\t{one.kind}\t{' '.join(one.above)}\t{' '.join(words)}\n"


if __name__ == "__main__":
    run(main)
