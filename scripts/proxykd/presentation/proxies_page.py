"""The page on proxies: which are good for a teacher, and why, before any student is trained."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from proxykd.assessment.figures import FIGURES
from proxykd.assessment.ranking import CRITERIA, Ranked
from proxykd.configuration import Configuration
from proxykd.presentation import commands, numerals, sheets, wording
from proxykd.presentation.assessed import Group, Proxies
from proxykd.presentation.figures import histogram_chart
from proxykd.presentation.page import TEMPLATES, environment
from proxykd.presentation.reasons import reason
from proxykd.store import INDEX


def render(
    configuration: Configuration, groups: list[Group], raw: dict[str, Any], out: Path, command: str = ""
) -> str:
    """The page as HTML; equal for equal results.

    raw: the configuration as it was given. out: where the page will lie, for the commands on it. command:
    what was run, where it is known.
    """
    newest = max((one.assessment.folder / INDEX).stat().st_mtime for each in groups for one in each.proxies)
    template = environment().get_template("proxies.html")
    return template.render(
        style=(TEMPLATES / "report.css").read_text(),
        title=configuration.title,
        note=configuration.note,
        date=datetime.fromtimestamp(newest, UTC).strftime("%-d %B %Y, %H:%M UTC"),
        command=commands.behind_run(raw, command, "assess"),
        show=commands.show(out / "proxies.json"),
        lede=lede(groups),
        criteria=[figure.name for figure in CRITERIA],
        groups=[_group(group, i) for i, group in enumerate(groups)],
        figures=[
            {"name": one.name, "range": one.range, "about": one.about, "more": one.better > 0}
            for one in FIGURES
        ],
    )


def summarise(groups: list[Group]) -> dict[str, Any]:
    """The page as plain figures: for each teacher, its proxies from the best to the worst."""
    return {
        "criteria": [figure.place for figure in CRITERIA],
        "teachers": [
            {
                "teacher": group.teacher.key,
                "architecture": wording.architecture(group.teacher),
                "proxies": [
                    {
                        "experiments": one.names,
                        "place": ranked.place,
                        "mean_rank": ranked.mean_rank,
                        "ranks": ranked.ranks,
                        "reason": reason(one, ranked, len(group.proxies)),
                        "assessment": one.told,
                    }
                    for one, ranked in zip(group.proxies, group.ranked, strict=True)
                ],
            }
            for group in groups
        ],
    }


def lede(groups: list[Group]) -> str:
    """The best proxies of each teacher in a sentence."""
    told = []
    for group in groups:
        best = [one.name for one, at in zip(group.proxies, group.ranked, strict=True) if at.place == 1]
        told.append(f"{' and '.join(best)} for {wording.architecture(group.teacher)}")
    return f"The proxies that promise most: {'; '.join(told)}."


def _group(group: Group, number: int) -> dict[str, Any]:
    pairs = list(zip(group.proxies, group.ranked, strict=True))
    return {
        "teacher": wording.teacher(group.teacher),
        "architecture": wording.architecture(group.teacher),
        "classes": len(group.proxies[0].classes),
        "layer": group.proxies[0].told["diversity"]["layer"],
        "settings": group.proxies[0].assessment.index.settings,
        "rows": [_row(one, ranked, number) for one, ranked in pairs],
        "reasons": [
            {"name": one.name, "place": ranked.place, "text": reason(one, ranked, len(pairs))}
            for one, ranked in pairs
        ],
        "proxies": [_section(one, ranked, number) for one, ranked in pairs],
    }


def _anchor(proxies: Proxies, number: int) -> str:
    return f"proxies-{number}-{proxies.names[0]}"


def _row(proxies: Proxies, ranked: Ranked, number: int) -> dict[str, Any]:
    told = proxies.told
    uniform, pairs, near = told["uniformity"], told["class_pairs"]["all"], told["class_pairs"]["near"]
    pixels, features, boundary = told["diversity"]["pixels"], told["diversity"]["features"], told["boundary"]
    return {
        "name": proxies.name,
        "anchor": _anchor(proxies, number),
        "place": ranked.place,
        "mean_rank": f"{ranked.mean_rank:.2f}",
        "images": numerals.count(told["images"]),
        "entropy": f"{uniform['relative_entropy']:.3f}",
        "smallest": f"{100 * uniform['smallest_share']:.1f}",
        "empty": uniform["empty_classes"],
        "needed": _needed(uniform["to_fill"]),
        "pairs": [f"{100 * pairs[name]:.0f}" for name in ("covered", "covered_both_ways")],
        "near_pairs": f"{100 * near['covered']:.0f}",
        "pixels": [_vendi(pixels[name]) for name in ("vendi", "between", "within")],
        "features": [_vendi(features[name]) for name in ("vendi", "between", "within")],
        "origin": told["diversity"]["groups"]["of"],
        "near": f"{100 * boundary['near_share']:.1f}",
        "unsure": f"{100 * boundary['unsure_share']:.1f}",
        "output_entropy": f"{boundary['mean_entropy']:.3f}",
    }


def _vendi(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.2f}" if value < 9.995 else f"{value:.1f}" if value < 99.95 else f"{value:.0f}"


def _needed(to_fill: dict[str, Any]) -> str:
    return "∞" if to_fill["images"] is None else numerals.short(to_fill["images"])


def _section(proxies: Proxies, ranked: Ranked, number: int) -> dict[str, Any]:
    boundary, uniform = proxies.told["boundary"], proxies.told["uniformity"]
    return {
        "name": proxies.name,
        "anchor": _anchor(proxies, number),
        "pools": wording.pools(proxies.settings, proxies.pools),
        "origin": _origin(proxies.told["diversity"]["groups"]),
        "fill": _fill(uniform["to_fill"]),
        "sheet": sheets.sheet_of_classes(
            list(zip(proxies.pools, proxies.scores, strict=True)), proxies.classes
        ),
        "class_count": len(proxies.classes),
        "empty": uniform["empty_classes"],
        "charts": [
            {"what": what, "chart": histogram_chart(**_drawn(boundary[name]))}
            for what, name in (
                ("Margin: the largest probability less the second", "margin"),
                ("Entropy of the output, nats", "entropy"),
            )
        ],
        "command": commands.stage_command(proxies.assessment.stage),
    }


def _drawn(distribution: dict[str, Any]) -> dict[str, Any]:
    return {"counts": distribution["histogram"], "largest": distribution["largest"]}


def _origin(groups: dict[str, Any]) -> str:
    """What diversity between and within programs was measured on, in words."""
    count = numerals.count(groups["count"])
    return {
        "program": f"{count} programs" if groups["count"] > 1 else "one program, which draws each image anew",
        "class": f"{count} classes of the set that they come from, in the place of programs",
        "mixed": f"{count} programs and classes of sets",
        "image": "each image is a program of its own",
    }[groups["of"]]


def _fill(to_fill: dict[str, Any]) -> str:
    """Images needed to fill each class, in words."""
    wanted = f"{numerals.count(to_fill['a_class'])} images of each class"
    least = numerals.short(to_fill["at_least"])
    if to_fill["images"] is None:
        return (
            f"{wanted}: {to_fill['class']} was seen in no image, so no number is known to be enough; with "
            f"95 % confidence it takes more than {least}"
        )
    return (
        f"{wanted}: about {numerals.short(to_fill['images'])} images ({least} to "
        f"{numerals.short(to_fill['at_most'])}), for the sake of {to_fill['class']}"
    )
