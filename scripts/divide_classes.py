"""Divide a set's classes by overlap with a teacher's: a table with reasons, and a list to edit.

    python scripts/divide_classes.py --images store/import_images/<key> \\
        --teacher store/import_teacher/<key> --out division.yaml
    python scripts/divide_classes.py --images '{"source": "parquet", "path": "imagenette64"}' \\
        --teacher airplane,automobile,bird,cat,deer,dog,frog,horse,ship,truck

The list is what import_images.division names: move a class to where it belongs. What is left out of it is
WordNet's to say.
"""

import argparse
import json
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from pydantic import ValidationError

from proxykd import store
from proxykd.errors import UserError, run
from proxykd.images.division.divide import divide
from proxykd.images.division.listed import PARTS, Part, check_names, read_list
from proxykd.images.division.overlap import Teacher, Verdict
from proxykd.images.settings import ImportImages


def main() -> None:
    arguments = _arguments()
    classes = _classes(arguments.images, "--images")
    teacher = Teacher(_classes(arguments.teacher, "--teacher"))
    listed: dict[str, Part] = {}
    if arguments.division:
        listed = read_list(arguments.division)
        check_names(listed, classes, arguments.division)
    verdicts = divide(classes, teacher, listed)
    width = max(map(len, classes))
    for part in PARTS:
        for name in _of(verdicts, part):
            print(f"{part:9}  {name:{width}}  {verdicts[name].reason}")
    print(", ".join(f"{len(_of(verdicts, part))} {part}" for part in PARTS))
    if teacher.unknown:
        print(f"of the teacher's, unknown to WordNet: {', '.join(teacher.unknown)}")
    if arguments.out:
        if arguments.out.exists():
            raise UserError(
                f"{arguments.out} is there, and perhaps edited. Remove it, or give another --out."
            )
        arguments.out.write_text(as_yaml(verdicts))


def as_yaml(verdicts: dict[str, Verdict]) -> str:
    """The division as `read_list` reads it, with the reasons as comments."""
    lines = []
    for part in PARTS:
        names = _of(verdicts, part)
        lines.append(f"{part}:" if names else f"{part}: []")
        for name in names:
            # JSON's quotes are YAML's, whatever is in the name.
            reason = " ".join(verdicts[name].reason.split())
            lines.append(f"  - {json.dumps(name)}  # {reason}")
    return "\n".join(lines) + "\n"


def _of(verdicts: dict[str, Verdict], part: Part) -> list[str]:
    return [name for name, verdict in verdicts.items() if verdict.part == part]


def _classes(given: str, option: str) -> list[str]:
    """Class names: of a result in the store, of a set by its settings, of a text file, or as they stand."""
    if given.lstrip().startswith("{"):
        return _of_settings(given)
    place = Path(given)
    if place.is_dir():
        found: Sequence[str] = store.read_index(place).classes
    elif place.is_file():
        found = [line.strip() for line in place.read_text().splitlines() if line.strip()]
    elif "/" in given and "," not in given:
        raise UserError(
            f"{option}: there is nothing at {given}. Name a result's folder, or give class names."
        )
    else:
        found = [name.strip() for name in given.split(",") if name.strip()]
    if not found:
        raise UserError(f"{option} {given} has no classes. Name images, or a teacher.")
    return list(found)


def _of_settings(given: str) -> list[str]:
    """Of a set that is not imported yet: one image of it is read."""
    try:
        asked = {"size": 32, "split": "train"} | json.loads(given)
        whole = {"classes": "all", "division": None, "limit": 1}
        settings = ImportImages.model_validate(asked | whole)
    except (json.JSONDecodeError, ValidationError) as error:
        raise UserError(f"--images: {error}. Give the settings of import_images as JSON.") from None
    (reader,) = settings.modules()
    return import_module(reader).read(settings, lambda _: None).classes


def _arguments() -> argparse.Namespace:
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    sources = "a result's folder, a text file with one class a line, or names with commas between them"
    told = f"the set's classes: {sources}; or the settings of import_images as JSON"
    parser.add_argument("--images", required=True, help=told)
    parser.add_argument("--teacher", required=True, help=f"the teacher's classes: {sources}")
    parser.add_argument("--division", type=Path, help="a list that goes before WordNet")
    parser.add_argument("--out", type=Path, help="the list to write; not over one that is there")
    return parser.parse_args()


if __name__ == "__main__":
    run(main)
