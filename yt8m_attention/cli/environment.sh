# shellcheck shell=bash disable=SC2034
# Shared by run_train.sh, run_eval.sh and tests/run.sh, which source it.
#
# set_up_python finds or makes a Python that has this package. resolve_settings reads the environment variables of a
# run, resolve_evaluation_data the rated videos to evaluate it on.

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"

# Puts large arrays into huge pages if the system allows it, and keeps freed memory for all threads. A training step
# takes a tenth to a fifth less time (docs/performance.md). Only glibc reads this.
_kept=68719476736
_kept="glibc.malloc.arena_max=1:glibc.malloc.mmap_threshold=$_kept:glibc.malloc.trim_threshold=$_kept"
export GLIBC_TUNABLES="${GLIBC_TUNABLES-glibc.malloc.hugetlb=1:$_kept}"

log() { printf '%s\n' "$*" >&2; }

# print_help_if_asked [FLAG...]: with --help among the flags, prints the comment at the head of the script and exits.
print_help_if_asked() {
  case " $* " in
    *" -h "* | *" --help "* | *" -help "* | *" --helpfull "*)
      sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
      exit 0
      ;;
  esac
}

# Wrong use or bad input: one line, status 2.
refuse() {
  log "$(basename "$0"): $*"
  exit 2
}

# set_up_python [EXTRA]: sets PYTHON.
#
# An active virtual environment in which the package is installed is used unchanged, with its own TensorFlow. Otherwise
# .venv beside the package, active or not, is created and filled once, with NVIDIA's libraries if there is such a GPU.
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
  # The stamp records what was installed and where, because an editable installation holds the path.
  stamp="$ROOT/.venv/installed${extra:+-$extra}"
  installed="$ROOT [$extras] $(cksum <"$ROOT/setup.py")"
  if [ -x "$PYTHON" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$installed" ]; then return; fi
  _make_venv
  log "installing into $ROOT/.venv, once; TensorFlow is about 600 MB${extras:+ (extras: $extras)}"
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

# resolve_settings [FLAG...]: sets MODEL, DATA, TRAIN_DATA, SEGMENT_DATA, EVAL_DATA and RUN_DIR.
#
# Paths stay relative to the caller's directory.
resolve_settings() {
  local named="${TRAIN_DATA:-}${SEGMENT_DATA:-}${EVAL_DATA:-}"
  MODEL="${MODEL:-multi_attention_1}"
  DATA="${DATA:-$(_data_among "$@")}"
  if [ -n "$named" ]; then DATA="${DATA:-youtube8m}"; else DATA="${DATA:-demo}"; fi
  RUN_DIR="${RUN_DIR:-runs/$DATA/$MODEL}"
  case "$RUN_DIR" in
    *://*) refuse "RUN_DIR=$RUN_DIR: only data can be remote; name a directory on this machine" ;;
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

# resolve_evaluation_data: sets EVALUATED, the flags of the rated videos to evaluate on: EVAL_DATA or, without it, the
# share of SEGMENT_DATA that phase 2 held out according to its run.json.
resolve_evaluation_data() {
  local run_json fraction
  EVALUATED=("--eval_data_pattern=${EVAL_DATA:-${SEGMENT_DATA:-}}")
  if [ -z "${EVAL_DATA:-}" ]; then
    run_json="$RUN_DIR/phase2/run.json"
    fraction="$(sed -n 's/^ *"holdout_fraction": \([0-9.e-]*\),\{0,1\}$/\1/p' "$run_json" 2>/dev/null | head -n 1)" &&
      [ -n "$fraction" ] || refuse "$run_json: holds no --holdout_fraction; train again, or set EVAL_DATA"
    EVALUATED+=(--only_holdout "--holdout_fraction=$fraction")
  fi
}

# _data_among [FLAG...]: prints the kind of data whose flagfile is among the flags, if any; the flagfiles of its phases
# apply, too.
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
  [ -f "$ROOT/flags/$2.flags" ] || refuse "$1=$2: flags/$2.flags does not exist; see $ROOT/flags"
}

# result_of COMMAND [FLAG...]: prints the last line of the command's output, and has its status.
result_of() { "$PYTHON" -m "yt8m_attention.$1" "${@:2}" | tail -n 1; }
