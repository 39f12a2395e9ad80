"""Write the configuration's JSON schema, which editors read, from the typed configuration.

python scripts/schema.py [--check]
"""

import json
import sys
from pathlib import Path

from proxykd.configuration import schema
from proxykd.errors import UserError, run

PATH = Path("workflow") / "schemas" / "configuration.schema.json"


def main() -> None:
    text = json.dumps(schema(), indent=1, sort_keys=True) + "\n"
    if "--check" not in sys.argv[1:]:
        PATH.write_text(text)
    elif not PATH.exists() or PATH.read_text() != text:
        raise UserError(f"{PATH} is not what the typed configuration says. Run `make schema`.")


if __name__ == "__main__":
    run(main)
