"""The report: one page that needs nothing else to be read."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from proxykd.presentation import (
    cautions,
    commands,
    costs,
    fidelity,
    overview,
    pairs,
    patience,
    prediction,
    sections,
)
from proxykd.presentation.collect import Shown
from proxykd.presentation.numerals import percent, seeds

TEMPLATES = Path(__file__).parent / "templates"


def environment() -> Environment:
    """What the pages' templates are rendered by."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"seeds": seeds, "percent": percent}
    return made


def render(shown: Shown, raw: dict[str, Any], out: Path, command: str = "") -> str:
    """The page as HTML; equal for equal results.

    raw: the configuration as it was given. out: where the page will lie, for the commands on it. command:
    what was run, where it is known.
    """
    template = environment().get_template("report.html")
    return template.render(
        style=(TEMPLATES / "report.css").read_text(),
        title=shown.configuration.title,
        note=shown.configuration.note,
        date=datetime.fromtimestamp(shown.finished, UTC).strftime("%-d %B %Y, %H:%M UTC"),
        command=commands.behind_run(raw, command),
        show_summary=commands.show(out / "summary.json"),
        lede=overview.lede(shown),
        cautions=cautions.cautions(shown),
        groups=overview.groups(shown),
        some_labels=any(one.measured["labels"] for one in shown.experiments),
        some_without=any(not one.measured["labels"] for one in shown.experiments),
        some_pairs=any(fidelity.has_pairs(one) for one in shown.experiments),
        some_attacked=any(pairs.straddling(one) for one in shown.experiments),
        some_gpu=any(one.measured["cost"]["student"]["gpu"] for one in shown.experiments),
        measured_with=costs.measured_with(shown.experiments),
        measured_on=sorted(
            {overview.measured_on(one) for one in shown.experiments if one.measured["labels"]}
        ),
        heldout_images=sorted({fidelity.heldout_images(one) for one in shown.experiments}),
        charts=overview.charts(shown),
        grids=patience.patience(shown.experiments),
        prediction=prediction.section(shown),
        experiments=[sections.experiment(one, out) for one in shown.experiments],
        teachers=sections.teachers(shown),
        heldout=sections.heldout(shown),
        costs=costs.costs(shown),
        versions=costs.versions(shown),
        digests=costs.digests(shown),
        configuration=yaml.safe_dump(raw, sort_keys=False, allow_unicode=True, width=100),
    )
