"""Say whether this machine can render shaders: with which device, how fast, and what is missing.

    python scripts/doctor.py [--json]

Draws a few images in a process of its own. Ends with status 1 where nothing can be rendered.
"""

import argparse
import json
import sys
from dataclasses import asdict

from proxykd.diagnosis import SIZE, Diagnosis, diagnose


def lines(found: Diagnosis) -> list[str]:
    """The diagnosis for a person."""
    measured = found.measured
    facts = {"EGL": found.egl or "not found", "drivers": ", ".join(found.drivers) or "none"}
    facts["graphics cards"] = ", ".join(found.cards) or "none"
    facts["device"] = f"{measured['device']}, {measured['driver']}" if measured else "none"
    for name in ("raster", "compute"):
        rate = measured.get("rates", {}).get(name)
        facts[name] = f"{rate:.0f} images of {SIZE} pixels a second in one process" if rate else "no"
    facts["backend: auto"] = measured.get("auto", "draws nothing")
    told = [f"{name:<16}{value}" for name, value in facts.items()]
    if found.failure:
        told += ["", found.failure]
    for one in found.missing:
        told += ["", f"Missing: {one.what}.", f"  {one.command}"]
    end = "Shaders can be rendered here" if found.can_render else "Shaders cannot be rendered here"
    if measured.get("on_processor"):
        end += ", on the CPU"
    return [*told, "", f"{end}."]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="one line of JSON instead")
    as_json = parser.parse_args().json
    found = diagnose()
    print(
        json.dumps(asdict(found) | {"can_render": found.can_render}) if as_json else "\n".join(lines(found))
    )
    sys.exit(0 if found.can_render else 1)


if __name__ == "__main__":
    main()
