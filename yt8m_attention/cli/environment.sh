# Sourced by run_train.sh, run_eval.sh and tests/run.sh, never run: a Python that has this package, in $PYTHON.

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"

say() { printf '%s\n' "$*" >&2; }

# Wrong use or bad input: one line, status 2.
refuse() { say "$(basename "$0"): $*"; exit 2; }

# set_up_python [EXTRA]: sets PYTHON.
#
# An active virtual environment in which the package is installed is used as it is: whoever chose its TensorFlow keeps
# it. Otherwise .venv beside the package is made and filled, once; with NVIDIA's libraries where there is an NVIDIA GPU.
set_up_python() {
  local extra="${1:-}" extras stamp installed
  if [ -n "${VIRTUAL_ENV:-}" ] && (cd / && "$VIRTUAL_ENV/bin/python" -c "import yt8m_attention") 2>/dev/null; then
    PYTHON="$VIRTUAL_ENV/bin/python"
    return
  fi
  PYTHON="$ROOT/.venv/bin/python"
  extras="$extra"
  if nvidia-smi >/dev/null 2>&1; then extras="$extras,gpu"; fi
  # A stamp an extra: what was installed, and for which place, since an editable installation holds the path.
  stamp="$ROOT/.venv/installed${extra:+-$extra}"
  installed="$ROOT [$extras] $(cksum <"$ROOT/setup.py")"
  if [ -x "$PYTHON" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$installed" ]; then return; fi
  _make_venv
  say "installing yt8m-attention[$extras] into $ROOT/.venv (TensorFlow is about 600 MB; later runs skip this)"
  "$PYTHON" -m pip install --quiet --disable-pip-version-check --editable "$ROOT${extras:+[$extras]}" >&2
  printf '%s\n' "$installed" >"$stamp"
}

_make_venv() {
  local candidate
  if "$PYTHON" -m pip --version >/dev/null 2>&1; then return; fi
  for candidate in python3.13 python3.12 python3.11 python3; do
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null
    then
      "$candidate" -m venv --clear "$ROOT/.venv" >&2
      return
    fi
  done
  refuse "found no Python 3.11, 3.12 or 3.13 with the module venv (on Debian and Ubuntu: apt-get install python3-venv)"
}
