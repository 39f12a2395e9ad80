#!/usr/bin/env bash
# Prepare this checkout: Debian packages that are missing, and everything else in .venv.
# Does nothing, quickly, when all is there.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

find_python() {
  local name
  for name in "${PYTHON:-python3}" python3.13 python3.12 python3.11; do
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$name"
      return
    fi
  done
  fail "no Python of at least 3.11 was found; install one, or name it: make quickstart PYTHON=/path/to/python3"
}

# Each package of envs/apt.txt is wanted for one thing; where that works without it, it is not missing.
is_missing() {
  case "$1" in
    python3-venv) ! "$python" -c 'import ensurepip' 2>/dev/null ;;
    *) ! dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed' ;;
  esac
}

install_packages() {
  local missing=() package
  while read -r package; do
    if is_missing "$package"; then missing+=("$package"); fi
  done <envs/apt.txt
  [ ${#missing[@]} -eq 0 ] && return
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    if ! sudo -n true 2>/dev/null; then
      fail "Debian packages are missing that only an administrator may install. Run this, then start again:
  sudo apt-get install -y --no-install-recommends ${missing[*]}"
    fi
    as_root=(sudo -n)
  fi
  echo "Installing Debian packages: ${missing[*]}"
  "${as_root[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" \
    >/dev/null
}

python=$(find_python)
if command -v dpkg-query >/dev/null; then
  install_packages
elif ! "$python" -c 'import ctypes; ctypes.CDLL("libEGL.so.1")' 2>/dev/null; then
  fail "libEGL.so.1 was not found; install your system's packages for EGL and Mesa's drivers"
fi

lock=envs/requirements.lock
if ! cmp -s "$lock" .venv/installed.lock; then
  echo "Installing Python packages into .venv (several gigabytes the first time) ..."
  "$python" -m venv .venv
  .venv/bin/python -m pip install --quiet --require-hashes --requirement "$lock" 2> >(grep -v '^WARNING: Location' >&2)
  # Copied last: an installation that was interrupted is taken up again.
  cp "$lock" .venv/installed.lock
fi
