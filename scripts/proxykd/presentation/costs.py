"""What each stage took, and what it was made with."""

from __future__ import annotations

from typing import Any

from proxykd.presentation import numerals
from proxykd.presentation.collect import Result, Shown, ShownExperiment


def costs(shown: Shown) -> dict[str, Any]:
    """A row for each stage, and their sum."""
    results = list(shown.results.values())
    return {
        "rows": [_row(shown, result) for result in results],
        "seconds": numerals.duration(sum(result.index.seconds for result in results)),
        "bytes": numerals.size(sum(result.bytes for result in results)),
        "stages": len(results),
    }


def _row(shown: Shown, result: Result) -> dict[str, str]:
    images = images_of(result)
    users = [one.name for one in shown.experiments if any(result is stage for stage in one.stages)]
    seconds = result.index.seconds
    return {
        "stage": result.name,
        "key": result.key,
        "for": "all" if len(users) == len(shown.experiments) > 1 else ", ".join(users),
        "seconds": numerals.duration(seconds),
        "images": numerals.count(images) if images else "–",
        "rate": numerals.short(images / seconds) if images and seconds else "–",
        "device": result.index.device,
        "bytes": numerals.size(result.bytes),
    }


def of_network(cost: dict[str, Any]) -> dict[str, str | None]:
    """What a network costs: parameters, MACs, file, latencies; `gpu` is None where it was not measured."""
    gpu = None
    if cost["gpu_latency_ms"] is not None:
        rate = numerals.short(cost["gpu_images_per_second"])
        gpu = f"{numerals.milliseconds(cost['gpu_latency_ms'])}, {rate} img/s"
    return {
        "parameters": numerals.short(cost["parameters"]),
        "macs": numerals.short(cost["macs"]),
        "bytes": numerals.size(cost["bytes"]),
        "cpu": numerals.milliseconds(cost["cpu_latency_ms"]),
        "gpu": gpu,
    }


def measured_with(experiments: list[ShownExperiment]) -> str:
    """The devices that latencies were measured on, in words."""
    told = []
    for experiment in experiments:
        cost = experiment.measured["cost"]["student"]
        threads = "1 CPU thread" if cost["cpu_threads"] == 1 else f"{cost['cpu_threads']} CPU threads"
        gpu = cost["gpu"]
        # The index names the GPU where there is one, else the processor.
        told.append(f"{threads} and {gpu}" if gpu else f"{threads} ({experiment.evaluation.index.device})")
    return " or ".join(dict.fromkeys(told))


def images_of(result: Result) -> int:
    """Images that a stage wrote, looked at, or trained on (each as often as it was seen)."""
    index = result.index
    if index.samples:
        return index.samples
    if "recipe" in index.settings:
        return index.settings["recipe"]["steps"] * index.settings["recipe"]["batch"]
    return sum(index.facts.get("histogram", []))


def versions(shown: Shown) -> list[dict[str, str]]:
    """Versions of what the stages were run with; several where they differ."""
    found: dict[str, set[str]] = {}
    for result in shown.results.values():
        for name, version in result.index.versions.items():
            found.setdefault(name, set()).add(version)
    return [{"name": name, "versions": ", ".join(sorted(several))} for name, several in sorted(found.items())]


def digests(shown: Shown) -> list[dict[str, str]]:
    """The digest of each stage's code; several where settings chose different modules."""
    found: dict[str, set[str]] = {}
    for result in shown.results.values():
        found.setdefault(result.name, set()).add(str(result.index.source["digest"])[:16])
    return [{"name": name, "digests": ", ".join(sorted(several))} for name, several in found.items()]
