"""The page of the imported teachers: whether each behaves, before anything is spent on it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from proxykd import store
from proxykd.configuration import Configuration
from proxykd.presentation import commands, numerals, sheets, wording
from proxykd.presentation.checks import CHECK, ShownCheck
from proxykd.presentation.page import TEMPLATES, environment

WIDEST = 1.0
"""A misfit that fills its bar; beyond it, nothing fits at all."""
KINDS = {"proxies": "rendered proxies", "pictures": "your pictures"}
HEADINGS = {
    "stated": "consistent with the stated normalisation",
    "wrong": "the stated normalisation looks wrong",
    "doubtful": "something is odd",
    "unknown": "cannot be told",
}


def render(
    shown: list[ShownCheck], configuration: Configuration, raw: dict[str, Any], command: str = ""
) -> str:
    """The page as HTML; equal for equal results.

    raw: the configuration as it was given. command: what was run, where it is known.
    """
    newest = max((one.check.folder / store.INDEX).stat().st_mtime for one in shown)
    template = environment().get_template("teacher.html")
    return template.render(
        style=(TEMPLATES / "report.css").read_text(),
        title=configuration.title,
        date=datetime.fromtimestamp(newest, UTC).strftime("%-d %B %Y, %H:%M UTC"),
        command=commands.behind_run(raw, command, "check"),
        teachers=[teacher(one) for one in shown],
    )


def teacher(shown: ShownCheck) -> dict[str, Any]:
    """One teacher's section."""
    told, network = shown.told, shown.network
    return {
        "anchor": shown.anchor,
        "name": network["architecture"],
        "for": shown.experiments,
        "heading": HEADINGS[told["verdict"]],
        "bad": told["verdict"] in {"wrong", "doubtful"},
        "sentence": told["sentence"],
        "advice": told["advice"],
        "how": wording.teacher(shown.teacher),
        "facts": _facts(shown, network),
        "sets": [_set(shown, role, told) for role in shown.images],
        "classes": _classes(shown, told),
        "uniform": numerals.percent(1 / len(shown.check.index.classes)),
        "show": f"python -m json.tool {commands.place(shown.check.stage)}/{CHECK}",
        "command": commands.stage_command(shown.check.stage),
    }


def _facts(shown: ShownCheck, network: dict[str, Any]) -> list[tuple[str, str, str]]:
    """What the teacher is taken for: name, value, and a mark where it was neither given nor found."""
    assumed = shown.teacher.facts.get("assumed", [])
    rows = [
        ("mean", ", ".join(f"{value:g}" for value in network["mean"])),
        ("deviation", ", ".join(f"{value:g}" for value in network["deviation"])),
        *([("order of channels", "blue, green, red")] if network.get("order") == "bgr" else []),
        ("classes", f"{len(network['classes'])}: {_some(network['classes'])}"),
    ]
    return [(name, value, "assumed" if name in assumed else "") for name, value in rows]


def _some(names: list[str], most: int = 12) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _set(shown: ShownCheck, role: str, told: dict[str, Any]) -> dict[str, Any]:
    """What the teacher makes of one kind of images."""
    seen = told["looks"][role]
    tried = seen["normalisations"]
    instead = told["likely"] if told["verdict"] in {"wrong", "doubtful"} else None
    return {
        "name": KINDS[role],
        "count": numerals.count(seen["images"]),
        "sample": numerals.count(sum(tried[0]["classes"]["histogram"])),
        "judged": role == told["judged_on"],
        "rows": [_row(row, i == 0, row["label"] == instead) for i, row in enumerate(tried)],
        "flipped": any(row["flipped"] for row in tried),
        "fits": any(row["misfit"] is not None for row in tried),
        "empty": seen["classes"]["empty_classes"],
        "sheet": sheets.check_sheet(shown.check, shown.images[role], role),
    }


def _row(row: dict[str, Any], stated: bool, likely: bool) -> dict[str, Any]:
    classes, misfit = row["classes"], row["misfit"]
    return {
        "name": row["label"],
        "marks": ["stated"] * stated + ["likely"] * likely,
        "misfit": "–" if misfit is None else f"{misfit:.4f}",
        "width": "0" if misfit is None else f"{100 * min(1.0, misfit / WIDEST) ** 0.5:.1f}",
        "deep": _number(row["deep_misfit"], 4),
        "entropy_of_classes": f"{abs(classes['relative_entropy']):.3f}",
        "smallest": f"{100 * classes['smallest_share']:.1f}",
        "empty": classes["empty_classes"],
        "confidence": _number(row["confidence"], 3),
        "entropy": _number(row["entropy"], 3),
        "one_hot": "–" if row["one_hot"] is None else f"{100 * row['one_hot']:.0f}",
        "scale": _number(row["scale"], 1),
        "finite": row["finite"],
    }


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _classes(shown: ShownCheck, told: dict[str, Any]) -> list[dict[str, Any]]:
    """Each class's share of each kind of images, on one scale."""
    histograms = {role: told["looks"][role]["classes"]["histogram"] for role in shown.images}
    shares = {role: [n / max(1, sum(counts)) for n in counts] for role, counts in histograms.items()}
    widest = max(max(several) for several in shares.values())
    return [
        {
            "name": name,
            "bars": [
                {
                    "count": numerals.count(histograms[role][k]),
                    "share": numerals.percent(shares[role][k]),
                    "width": f"{100 * shares[role][k] / widest:.1f}",
                    "empty": histograms[role][k] == 0,
                }
                for role in shown.images
            ],
        }
        for k, name in enumerate(shown.check.index.classes)
    ]
