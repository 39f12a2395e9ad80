"""Small configurations, and how their stages are made: by their own programs."""

from __future__ import annotations

import copy
import runpy
import sys
from pathlib import Path
from typing import Any

from proxykd.plan import Plan

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
LEAVES = {"kind": "leaves", "count": 60, "seed": 7}
BASE: dict[str, Any] = {
    "title": "Digits & <leaves>",
    "note": "A <b>demonstration</b> & no claim.",
    "seeds": [0, 1],
    "import_images": {"digits": {"source": "digits", "size": 8, "channels": 1, "limit": 300}},
    "train_teacher": {
        "images": "digits",
        "network": {"architecture": "convnet_8"},
        "recipe": {"steps": 60, "batch": 64, "learning_rate": 0.1},
    },
    "proxies": [{"render_proxies": {"kind": "leaves", "count": 200}}],
    "select_proxies": {"count": 100},
    "distill_student": {"network": {"architecture": "convnet_8"}, "recipe": {"steps": 30, "batch": 32}},
    "evaluate_student": {"images": "digits", "heldout": LEAVES},
    "experiments": {
        "leaves": {},
        "attacked+real": {
            "proxies": [{"import_images": "digits"}],
            "attack_boundary": {"sources": 128, "threshold": 1.0},
            "distill_student": {"refresh": {"every": 0.4, "views": 80}},
        },
        "noise": {
            "proxies": [
                {"render_proxies": {"kind": "noise", "count": 60, "statistics_from": "digits"}, "share": 0.5},
                {"render_proxies": {"kind": "leaves", "count": 200}, "share": 0.5},
            ],
            "select_proxies": {"count": 60},
        },
    },
}


def without_labels() -> dict[str, Any]:
    """The same configuration, evaluated without labelled images, one student an experiment."""
    given = copy.deepcopy(BASE)
    given["evaluate_student"]["images"] = None
    given["seeds"] = [0]
    return given


def patience(labels: bool = True) -> dict[str, Any]:
    """Students of two numbers of images and two lengths of training; without labels also no pairs."""
    given = copy.deepcopy(BASE)
    if not labels:
        given["evaluate_student"] |= {"images": None, "pairs": None}
    given["proxies"] = [{"import_images": "digits"}]
    given["experiments"] = {
        f"{count}x{steps}": {
            "select_proxies": {"count": count},
            "distill_student": {"recipe": {"steps": steps}},
        }
        for count, steps in ((100, 60), (40, 10), (40, 60), (100, 10))
    }
    return given


def several_proxies() -> dict[str, Any]:
    """Five kinds of proxies for one teacher, and one of them attacked too."""
    given = copy.deepcopy(BASE)
    given["seeds"] = [0]
    leaves, noise = {"kind": "leaves", "count": 120}, {"kind": "noise", "count": 80}
    pools: dict[str, list[dict[str, Any]]] = {
        "leaves": [{"render_proxies": leaves}],
        "other-leaves": [{"render_proxies": leaves | {"seed": 1}}],
        "noise": [{"render_proxies": noise}],
        "real": [{"import_images": "digits"}],
        "mixture": [{"render_proxies": leaves}, {"import_images": "digits"}],
    }
    given["experiments"] = {name: {"proxies": several} for name, several in pools.items()}
    attack = {"sources": 128, "threshold": 1.0}
    given["experiments"]["real+boundary"] = {"proxies": pools["real"], "attack_boundary": attack}
    return given


def imported(store: Path) -> dict[str, Any]:
    """A checkpoint and no data: the teacher of the finished store, as if it were somebody's."""
    (checkpoint,) = store.glob("train_teacher/*/model.safetensors")
    return {
        "seeds": [3],
        "import_teacher": {
            "architecture": "convnet_8",
            "checkpoint": str(checkpoint),
            "size": 8,
            "channels": 1,
            "classes": 10,
            "mean": [0.5],
            "deviation": [0.5],
        },
        "proxies": [{"render_proxies": {"kind": "noise", "count": 60}}],
        "select_proxies": {"count": 40, "balance": "none"},
        "distill_student": {"network": {"architecture": "convnet_8"}, "recipe": {"steps": 4, "batch": 16}},
        # An attack that makes no pair.
        "evaluate_student": {"heldout": LEAVES, "pairs": {"epsilon": 0.01, "sources": 20}},
    }


def make(plan: Plan) -> None:
    """Run every stage's program in this process: importing torch once is what makes it quick."""
    for stage in plan.all_stages():
        arguments = ["--settings", stage.settings_json, "--out", stage.stamp, "--key", stage.key]
        for role, several in stage.upstream.items():
            arguments += [f"--{role}", *(one.stamp for one in several)]
        program = str(SCRIPTS / f"{stage.name}.py")
        old = sys.argv
        sys.argv = [program, *arguments]
        try:
            runpy.run_path(program, run_name="__main__")
        except SystemExit as end:
            if end.code:
                raise RuntimeError(f"{stage.name} ended with {end.code}") from end
        finally:
            sys.argv = old
