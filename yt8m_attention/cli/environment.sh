# shellcheck shell=bash disable=SC2034
# Sourced by run_train.sh, run_eval.sh and tests/run.sh, never run: what they share.
#
# set_up_python finds or makes a Python that has this package; settle_run turns the environment's settings into a run,
# and settle_judging says what it is judged by.

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"

# Large arrays in huge pages, where the system grants them on request, and kept once they are freed, whichever thread
# asks next: a training step takes a tenth to a fifth less (docs/performance.md). Only glibc reads it.
_kept=68719476736
_kept="glibc.malloc.arena_max=1:glibc.malloc.mmap_threshold=$_kept:glibc.malloc.trim_threshold=$_kept"
export GLIBC_TUNABLES="${GLIBC_TUNABLES-glibc.malloc.hugetlb=1:$_kept}"

say() { printf '%s\n' "$*" >&2; }

# explain_where_asked [FLAG...]: with --help among the flags, prints what the script says of itself, and ends.
explain_where_asked() {
  case " $* " in
    *" -h "* | *" --help "* | *" -help "* | *" --helpfull "*)
      sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
      exit 0
      ;;
  esac
}

# Wrong use or bad input: one line, status 2.
refuse() {
  say "$(basename "$0"): $*"
  exit 2
}

# set_up_python [EXTRA]: sets PYTHON.
#
# An active virtual environment in which the package is installed is used as it is: whoever chose its TensorFlow keeps
# it. Otherwise .venv beside the package, active or not, is made and filled, once; with NVIDIA's libraries where there
# is an NVIDIA GPU.
set_up_python() {
  local extra="${1:-}" extras installed stamp
  if [ -n "${VIRTUAL_ENV:-}" ] && [ ! "$VIRTUAL_ENV" -ef "$ROOT/.venv" ] &&
    (cd / && "$VIRTUAL_ENV/bin/python" -c "import yt8m_attention") 2>/dev/null; then
    PYTHON="$VIRTUAL_ENV/bin/python"
    return
  fi
  PYTHON="$ROOT/.venv/bin/python"
  extras="$extra"
  if nvidia-smi >/dev/null 2>&1; then extras="gpu${extra:+,$extra}"; fi
  # The stamp tells what was installed and for which place, since an editable installation holds the path.
  stamp="$ROOT/.venv/installed${extra:+-$extra}"
  installed="$ROOT [$extras] $(cksum <"$ROOT/setup.py")"
  if [ -x "$PYTHON" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$installed" ]; then return; fi
  _make_venv
  say "installing into $ROOT/.venv, once; TensorFlow is about 600 MB${extras:+ (extras: $extras)}"
  "$PYTHON" -m pip install -qq --disable-pip-version-check --editable "$ROOT${extras:+[$extras]}" >&2
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

# settle_run [FLAG...]: sets MODEL, DATA, TRAIN_DATA, SEGMENT_DATA, EVAL_DATA and RUN_DIR.
#
# Paths stay as the caller wrote them, relative to the caller's directory.
settle_run() {
  local named="${TRAIN_DATA:-}${SEGMENT_DATA:-}${EVAL_DATA:-}"
  MODEL="${MODEL:-multi_attention_1}"
  DATA="${DATA:-$(_data_among "$@")}"
  if [ -n "$named" ]; then DATA="${DATA:-youtube8m}"; else DATA="${DATA:-demo}"; fi
  RUN_DIR="${RUN_DIR:-runs/$DATA/$MODEL}"
  case "$RUN_DIR" in
    *://*) refuse "RUN_DIR=$RUN_DIR: only data is read from elsewhere; name a directory on this machine" ;;
  esac
  _flagfile MODEL "$MODEL"
  _flagfile DATA "$DATA"
  if [ "$DATA" = demo ]; then
    [ -z "$named" ] || refuse "DATA=demo makes its own data: leave TRAIN_DATA, SEGMENT_DATA and EVAL_DATA unset"
    TRAIN_DATA="$RUN_DIR/data/train/*.tfrecord"
    SEGMENT_DATA="$RUN_DIR/data/validate/*.tfrecord"
    EVAL_DATA="$RUN_DIR/data/test/*.tfrecord"
  fi
  [ -n "${EVAL_DATA:-}${SEGMENT_DATA:-}" ] ||
    refuse "EVAL_DATA and SEGMENT_DATA are unset: name a glob of files with rated segments"
}

# settle_judging: sets EVALUATED, the flags that say which rated videos a model is judged by: EVAL_DATA or, without it,
# the share of SEGMENT_DATA that phase 2 left out, which its run.json tells.
settle_judging() {
  local told fraction
  EVALUATED=("--eval_data_pattern=${EVAL_DATA:-${SEGMENT_DATA:-}}")
  if [ -z "${EVAL_DATA:-}" ]; then
    told="$RUN_DIR/phase2/run.json"
    fraction="$(sed -n 's/^ *"holdout_fraction": \([0-9.e-]*\),\{0,1\}$/\1/p' "$told" 2>/dev/null | head -n 1)" &&
      [ -n "$fraction" ] || refuse "$told: tells no --holdout_fraction; train again, or set EVAL_DATA"
    EVALUATED+=(--only_holdout "--holdout_fraction=$fraction")
  fi
}

# _data_among [FLAG...]: the kind of data whose flagfile is among the flags, if one is: its budgets are wanted too.
_data_among() {
  local flag name
  for flag in "$@"; do
    [ "$flag" != "${flag#--flagfile=}" ] || continue
    name="$(basename "${flag#--flagfile=}" .flags)"
    if [ -f "$ROOT/flags/${name}_phase1.flags" ]; then
      printf '%s' "$name"
      return
    fi
  done
}

_flagfile() {
  [ -f "$ROOT/flags/$2.flags" ] || refuse "$1=$2: there is no flags/$2.flags; see $ROOT/flags"
}

# The result of a command: the last line of its output. Its own status is the pipe's.
result_of() { "$PYTHON" -m "yt8m_attention.$1" "${@:2}" | tail -n 1; }
