"""The card of a result that is handed on: what it is, how it was made, how to open it. Markdown for people,
with the front matter that the Hugging Face hub reads.

Plumbing: not in a stage's code digest.
"""

from __future__ import annotations

import json
from typing import Any

import yaml

from proxykd.presentation.numerals import size
from proxykd.pushed import Pushed
from proxykd.teacher_classes import POOLS, SUFFIX, Classes

TITLES = {
    "import_images": "Real images",
    "train_teacher": "A trained teacher",
    "import_teacher": "An imported teacher",
    "render_proxies": "Rendered proxies",
    "check_teacher": "How a teacher behaves",
    "score_proxies": "A teacher's opinion of proxies",
    "assess_proxies": "How good proxies are for a teacher",
    "select_proxies": "Selected proxies",
    "attack_boundary": "Images on both sides of a decision boundary",
    "distill_student": "A distilled student",
    "evaluate_student": "An evaluation of students",
}
OPINION = (
    "**A class is what the teacher answered, not what an image shows**, and nobody has checked it. Images "
    "with such classes are for distilling that teacher; they are no evidence of how well any network "
    "recognises real things."
)
ABOUT = {
    "import_images": "Real images, brought to one size; not synthetic. The columns `label` and `class` of "
    "`samples.parquet` are the set's own labels; `unlabelled` says that it had none. The rights to the "
    "images are their owners': add the licence of their source before you hand them on.",
    "render_proxies": "**Synthetic images**, rendered by a program from random numbers; none is a "
    "photograph. Nothing was selected and nothing labelled.",
    "score_proxies": "What a teacher answers to each image of a pool: logits, class (`predicted`), "
    "confidence and entropy in nats. The images themselves are not in here.",
    "check_teacher": "How an imported teacher behaves under several normalisations: `check.json`.",
    "assess_proxies": "What speaks for and against proxies, by the teacher alone: `assessment.json`.",
    "select_proxies": "**Proxy images, selected by a teacher's opinion**: so many of each class that it "
    "sees in them, as far as there were enough. `filled` ones were altered until it saw their class.",
    "attack_boundary": "**Proxy images, altered until a teacher changed its mind**: views of selected "
    "proxies on either side of its decision boundary (`role` in `samples.parquet`: `pre` before it, `post` "
    "beyond).",
    "evaluate_student": "How students compare with their teacher: `evaluation.json`.",
}
MODEL = (
    "An image classifier. `network.json` names its architecture, its input's size and channels, and its "
    "classes in the order of the outputs. It takes floats in [0, 1], N x C x H x W, and wants them "
    "normalised with `mean` and `deviation` of that file. Weights of `torchvision:<name>` or `timm:<name>` "
    "load into that library's network of as many classes; those of other names into ProxyKD's own, with "
    "`proxykd.networks.files.load(folder)`; where that is `factory`, the file in `factory/` is run, and "
    "where it is `export`, the program of `program.pt2`. The folder `model` that a report leaves of each "
    "student has the source of its network along, and needs no ProxyKD."
)
WEBDATASET = """import webdataset as wds

dataset = wds.WebDataset("{shards}", shardshuffle=False).decode("pil")
for sample in dataset:
    print(sample["__key__"], sample["{image}"].size{shown})
    break"""
DATASETS = """from datasets import load_dataset

dataset = load_dataset("webdataset", data_files={{"train": "train-*.tar"}}, split="train")
sample = dataset[0]
print(sample["__key__"], sample["{image}"].size{shown})"""
PYARROW = """import pyarrow.parquet as pq

table = pq.read_table("samples.parquet")
print(table.num_rows, table.column_names)"""
SAFETENSORS = """import json
from pathlib import Path
from safetensors.torch import load_file

described = json.loads(Path("network.json").read_text())
weights = load_file("model.safetensors")
print(described["architecture"], len(described["classes"]), len(weights))"""
PROGRAM = """import torch

# Loading an exported program can execute any code: only if you trust whoever made it.
network = torch.export.load("program.pt2").module()
print(network)"""
JSON = """import json
from pathlib import Path

print(sorted(json.loads(Path("evaluation.json").read_text())))"""


def card(index: Pushed, classes: Classes | None, image: str) -> str:
    """The card of a result; `classes` are those of its `.cls` members, `image` the format of its images."""
    parts = [
        f"---\n{yaml.safe_dump(_front(index), sort_keys=False, allow_unicode=True)}---",
        f"# {TITLES[index.stage]}",
        _about(index, classes),
        *_classes(index, classes),
        "## How it was made",
        *_made(index),
        "## How to open it",
        "With this folder as the working directory, and without ProxyKD:",
        *(f"```python\n{one}\n```" for one in _snippets(index, classes is not None, image)),
    ]
    return "\n\n".join(part.rstrip() for part in parts) + "\n"


def _front(index: Pushed) -> dict[str, Any]:
    """What the hub reads: for a viewer, for a search."""
    tags = ["proxykd", "knowledge-distillation"]
    front: dict[str, Any] = {"pretty_name": f"{TITLES[index.stage]} ({index.stage}/{index.key})"}
    if _is_model(index):
        return front | {"pipeline_tag": "image-classification", "tags": [*tags, "safetensors"]}
    if index.shards:
        front |= {"task_categories": ["image-classification"]}
        tags += ["webdataset"] if index.stage == "import_images" else ["webdataset", "synthetic"]
    front |= {"tags": tags}
    rows = "train-*.tar" if index.shards else "samples.parquet"
    if not (index.shards or index.stage == "score_proxies"):
        return front | {"viewer": False}
    data = [{"split": "train", "path": rows}]
    sized = {"size_categories": [_size_category(index.samples)]} if index.shards else {}
    return front | sized | {"configs": [{"config_name": "default", "data_files": data}]}


def _size_category(samples: int) -> str:
    names = ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M")
    return next((name for i, name in enumerate(names) if samples < 1000 * 10**i), "100M<n<1B")


def _is_model(index: Pushed) -> bool:
    return any(entry.name == "network.json" for entry in index.files)


def _about(index: Pushed, classes: Classes | None) -> str:
    text = MODEL if _is_model(index) else ABOUT[index.stage]
    if not index.shards:
        return text
    if index.stage == "select_proxies":
        real = any(one.stage == "import_images" for one in index.upstream["pool"])
        text += " Some were real images before (`import_images` below)." if real else " All are synthetic."
    told = f"{index.samples} images in {_shards(index)}, {size(_bytes(index))}. {text}"
    if classes is None:
        return f"{told}\n\nThere are no `{SUFFIX}` members: no teacher's opinion of them came along."
    return f"{told}\n\n{OPINION}"


def _shards(index: Pushed) -> str:
    return "1 shard" if len(index.shards) == 1 else f"{len(index.shards)} shards"


def _bytes(index: Pushed) -> int:
    return sum(entry.bytes for entry in index.pushed)


def _classes(index: Pushed, classes: Classes | None) -> list[str]:
    """How many images of each class, where that is known."""
    if classes is None:
        return []
    origin = f"`{classes.origin.stage}/{classes.origin.key}`"
    source = f"{origin} (scores of this pool)" if index.stage in POOLS else "`samples.parquet`"
    rows = [
        f"| {number} | {_cell(name)} | {count} |"
        for number, (name, count) in enumerate(zip(classes.names, classes.counts(), strict=True))
    ]
    return [
        "## Classes",
        f"The member `{SUFFIX}` of each sample is the number of the teacher's class: the column `predicted` "
        f"of {source}.",
        "\n".join([f"| `{SUFFIX}` | class | images |", "|---:|---|---:|", *rows]),
    ]


def _made(index: Pushed) -> list[str]:
    versions = ", ".join(f"{name} {version}" for name, version in index.versions.items())
    facts = {
        "stage and key": f"`{index.stage}/{index.key}`",
        "digest of the content in the store": f"`{index.digest}`",
        "digest of the code": f"`{index.source.get('digest', '')}`",
        "versions": versions,
        "device": index.device,
        "seconds": f"{index.seconds:g}",
    }
    rows = [f"| {name} | {_cell(value)} |" for name, value in facts.items()]
    parts = [
        "By ProxyKD, a pipeline that distils image classifiers without their training data. "
        "`index.json` has all of this, and the digest of every file.",
        "\n".join(["| | |", "|---|---|", *rows]),
        f"Settings:\n\n```json\n{json.dumps(index.settings, indent=1, ensure_ascii=False)}\n```",
    ]
    upstream = [
        f"| {role} | `{one.stage}/{one.key}` | `{one.digest}` |"
        for role, several in index.upstream.items()
        for one in several
    ]
    if upstream:
        head = ["| made from | stage and key | digest of the content |", "|---|---|---|"]
        parts.append("\n".join([*head, *upstream]))
    return parts


def _cell(text: str) -> str:
    """A text that cannot break out of its cell of a table."""
    return " ".join(text.replace("|", "\\|").replace("<", "&lt;").split())


def _snippets(index: Pushed, labelled: bool, image: str) -> list[str]:
    if _is_model(index):
        return [PROGRAM if any(entry.name == "program.pt2" for entry in index.files) else SAFETENSORS]
    if not index.shards:
        return [PYARROW if index.stage == "score_proxies" else JSON]
    last = index.shards[-1].name
    shards = last if len(index.shards) == 1 else f"train-{{000000..{last[6:-4]}}}.tar"
    words = {"shards": shards, "image": image, "shown": ', sample["cls"]' if labelled else ""}
    return [WEBDATASET.format(**words), DATASETS.format(**words), PYARROW]
