"""Judge proxies by the teacher alone, before any student is trained."""

from proxykd.assessment.settings import AssessProxies
from proxykd.stage import Job, main


def make(job: Job[AssessProxies]) -> None:
    job.write_json("assessment.json", {})


if __name__ == "__main__":
    main("assess_proxies", AssessProxies, {"teacher": "one", "pool": "many", "scores": "many"}, make, __doc__)
