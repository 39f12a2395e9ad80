#!/usr/bin/env bash
# All that must be clean before a commit; each check says what it found.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.venv/bin:$PATH"
ruff format --check --quiet . || { echo "error: run make format" >&2; exit 1; }
ruff check --quiet .
snakefmt --check Snakefile workflow 2>/dev/null || { echo "error: snakefmt: run make format" >&2; exit 1; }
mypy --no-error-summary
codespell
python scripts/schema.py --check
found=$(snakemake --lint 2>&1) || { printf '%s\n' "$found"; exit 1; }
for run in config.yaml workflow/runs/*.yaml; do
  if [ -z "${PROXYKD_DATA:-}" ] && grep -q '[$]PROXYKD_DATA' "$run"; then
    echo "$run: not tried, since PROXYKD_DATA is not set"
    continue
  fi
  told=$(snakemake all --dry-run --quiet all --configfile "$run" 2>&1) || { printf '%s: %s\n' "$run" "$told"; exit 1; }
done
