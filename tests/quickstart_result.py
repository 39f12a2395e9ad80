"""Check what the default run promises of its result.

python tests/quickstart_result.py results/summary.json
"""

import json
import sys
from pathlib import Path


def main(path: Path) -> None:
    experiments = json.loads(path.read_text())["experiments"]
    distilled = experiments["shaders+boundary"]
    checks = {
        "five experiments": len(experiments) == 5,
        "the teacher has at least 98 %": distilled["teacher_accuracy"] >= 0.98,
        "shaders+boundary has a mean of at least 90 %": distilled["accuracy"]["mean"] >= 0.90,
        "two seeds": distilled["accuracy"]["n"] == 2 and distilled["accuracy"]["std"] is not None,
    }
    for what, holds in checks.items():
        print(f"{'ok' if holds else 'FAILED'}: {what}")
    print(f"{sum(checks.values())} passed, {len(checks) - sum(checks.values())} failed")
    raise SystemExit(not all(checks.values()))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
