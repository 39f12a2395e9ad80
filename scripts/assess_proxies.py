"""Judge proxies by the teacher alone, before any student is trained.

The criteria of Frank and Davis, CVPR 2025: uniformity over the teacher's classes, coverage of pairs of
classes, diversity, and what the images tell of the decision boundary. Several pools are judged as one.
"""

from typing import Any

from proxykd.assessment.settings import AssessProxies
from proxykd.errors import UserError
from proxykd.stage import Job, device, main
from proxykd.store import read_index


def make(job: Job[AssessProxies]) -> None:
    import numpy as np

    from proxykd.assessment import boundary, class_pairs, opinions, uniformity

    _check_pairs(job)
    settings, classes = job.settings, job.index("teacher").classes
    known = opinions.read(job.upstream["scores"])
    near = known.margin_N < settings.margin
    pairs = [
        class_pairs.measure(known.first_N[rows], known.second_N[rows], len(classes), settings.pair_images)
        for rows in (slice(None), near)
    ]
    histogram_K = np.bincount(known.first_N, minlength=len(classes))
    assessment = {
        "images": len(known.first_N),
        "classes": len(classes),
        "uniformity": uniformity.measure(histogram_K, classes, settings.fill),
        "class_pairs": {"all": pairs[0], "near": pairs[1]},
        "diversity": _diversity(job),
        "boundary": boundary.measure(known, len(classes), settings.margin),
    }
    job.write_json("assessment.json", assessment)
    job.classes = classes
    job.facts |= _main_figures(assessment)


def _check_pairs(job: Job[AssessProxies]) -> None:
    """The scores must be those of the pools, in their order, and by this teacher."""
    teacher = job.index("teacher").key
    scored = [read_index(folder).upstream for folder in job.upstream["scores"]]
    pools = [read_index(folder).key for folder in job.upstream["pool"]]
    if [one["pool"][0].key for one in scored] != pools:
        raise UserError(
            "assess_proxies: --pool and --scores do not belong together, or not in this order. Give each "
            "pool its own scores."
        )
    if any(one["teacher"][0].key != teacher for one in scored):
        raise UserError(
            "assess_proxies: --scores are of another teacher than --teacher. Give the scores of this one."
        )


def _diversity(job: Job[AssessProxies]) -> dict[str, Any]:
    from proxykd.assessment import diversity, sample
    from proxykd.networks.features import features_of
    from proxykd.networks.files import load

    pools, settings = job.upstream["pool"], job.settings
    groups = sample.groups(pools)
    drawn = sample.draw(groups, settings.sample, settings.per_program, settings.seed)
    images_NHWC = sample.images(pools, drawn.rows)
    teacher = load(job.one("teacher"), device())
    with job.progress("assess_proxies", len(images_NHWC)) as progress:
        features_ND, layer = features_of(teacher, images_NHWC, device(), progress.advance)
    return diversity.measure(drawn, diversity.pixels(images_NHWC), features_ND) | {
        "sample": len(drawn.sample),
        "layer": layer,
        "dimensions": features_ND.shape[1],
        "groups": {
            "of": groups.kind,
            "count": groups.count,
            "between": 0 if drawn.between is None else len(drawn.between),
            "within": 0 if drawn.within_SM is None else len(drawn.within_SM),
            "images_within": settings.per_program,
        },
    }


def _main_figures(assessment: dict[str, Any]) -> dict[str, Any]:
    """What the index says, for whoever only lists results."""
    uniform = ("relative_entropy", "smallest_share", "empty_classes")
    return {name: assessment["uniformity"][name] for name in uniform} | {
        "pairs_covered_both_ways": assessment["class_pairs"]["all"]["covered_both_ways"],
        "vendi_of_features": assessment["diversity"]["features"]["vendi"],
        "mean_entropy": assessment["boundary"]["mean_entropy"],
    }


if __name__ == "__main__":
    main("assess_proxies", AssessProxies, {"teacher": "one", "pool": "many", "scores": "many"}, make, __doc__)
