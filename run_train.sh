#!/usr/bin/env bash
# Trains one network on whole videos (phase 1), then on rated segments (phase 2), and evaluates both on held-out videos.
#
#   ./run_train.sh                                        a few minutes, on a small data set
#   TRAIN_DATA='gs://us.data.yt8m.org/2/frame/train/train*.tfrecord' \
#   SEGMENT_DATA='gs://us.data.yt8m.org/3/frame/validate/validate*.tfrecord' ./run_train.sh
#
# Environment variables; quote globs, paths are relative to the current directory:
#   MODEL         a network in flags/          multi_attention_1
#   DATA          a kind of data in flags/     youtube8m if data is given, else demo
#   TRAIN_DATA    videos with video labels     \ unset: a small data set is written
#   SEGMENT_DATA  videos with rated segments   / to RUN_DIR/data
#   EVAL_DATA     rated videos to evaluate on  the share of SEGMENT_DATA that phase 2 holds out
#   RUN_DIR       directory of all output      runs/DATA/MODEL
# Arguments are flags of `train`, for both phases, and override every flagfile: ./run_train.sh --batch_size=64
#
# The same command resumes a stopped run. The last line of standard output is JSON: phase1 and phase2, each with the
# keys of `eval`, and run_dir.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/yt8m_attention/cli/environment.sh"
print_help_if_asked "$@"
resolve_settings "$@"
[ -n "${TRAIN_DATA:-}" ] || refuse "TRAIN_DATA is unset: name a glob of files with video labels"
[ -n "${SEGMENT_DATA:-}" ] || refuse "SEGMENT_DATA is unset: name a glob of files with rated segments"
set_up_python

given=("$@")
if [ "$DATA" = demo ]; then "$PYTHON" -m yt8m_attention.synthesize "--output_dir=$RUN_DIR/data" >&2; fi
# The list of segment classes, and the class names, if they lie beside the folder of SEGMENT_DATA's files. YouTube-8M's
# names are in vocabulary.csv.
own=()
beside="$(dirname "$(dirname "${SEGMENT_DATA%%,*}")")"
if [ -f "$beside/segment_label_ids.csv" ]; then own+=("--segment_label_ids_file=$beside/segment_label_ids.csv"); fi
for names in vocabulary.csv class_names.csv; do
  if [ -f "$beside/$names" ]; then own+=("--vocabulary=$beside/$names") && break; fi
done

# train_phase PHASE DATA [FLAG...]: trains one phase. Later flags win, so the flagfiles go from general to specific.
train_phase() {
  local name flags=()
  for name in "$1" "$MODEL" "$DATA" "${DATA}_$1"; do
    if [ -f "$ROOT/flags/$name.flags" ]; then flags+=("--flagfile=$ROOT/flags/$name.flags"); fi
  done
  flags+=(${own[@]+"${own[@]}"} "--train_dir=$RUN_DIR/$1" "--train_data_pattern=$2" "${@:3}")
  { mkdir -p "$RUN_DIR" && : >"$RUN_DIR/$1.json"; } 2>/dev/null ||
    refuse "RUN_DIR=$RUN_DIR: cannot be made or written to; free space, or name a directory you may write to"
  run_and_forward_signals "$PYTHON" -m yt8m_attention.train "${flags[@]}" ${given[@]+"${given[@]}"} >"$RUN_DIR/$1.json"
  tail -n 1 "$RUN_DIR/$1.json" >&2
  if tail -n 1 "$RUN_DIR/$1.json" | grep -q '"preempted": true'; then
    log "stopped at a checkpoint; the same command resumes there"
    exit 143
  fi
}

# run_and_forward_signals COMMAND...: forwards SIGTERM and SIGINT, on which training writes a checkpoint, and waits.
run_and_forward_signals() {
  local child="" stopped="" status=0
  # Set before the child starts: a signal in between is forwarded as soon as it has started.
  trap 'stopped=1; [ -z "$child" ] || kill -TERM "$child" 2>/dev/null || true' TERM INT
  "$@" &
  child=$!
  [ -z "$stopped" ] || kill -TERM "$child" 2>/dev/null || true
  while
    status=0
    wait "$child" || status=$?
    kill -0 "$child" 2>/dev/null
  do :; done
  trap - TERM INT
  return "$status"
}

# evaluate PHASE: prints the scores, and writes those of each class to RUN_DIR/PHASE_classes.csv.
evaluate() {
  result_of eval "--train_dir=$RUN_DIR/$1" --segment_labels "${EVALUATED[@]}" "--per_class_file=$RUN_DIR/$1_classes.csv"
}

log "TensorBoard: $(dirname "$PYTHON")/tensorboard --logdir $RUN_DIR"
train_phase phase1 "$TRAIN_DATA"
train_phase phase2 "$SEGMENT_DATA" --segment_labels "--init_checkpoint=$RUN_DIR/phase1"
resolve_evaluation_data
phase1="$(evaluate phase1)"
phase2="$(evaluate phase2)"

"$PYTHON" - "$phase1" "$phase2" "$RUN_DIR" <<'END_OF_PYTHON'
import json
import sys

phase1, phase2 = map(json.loads, sys.argv[1:3])
rows = {
    "chance: the share of rated pairs that are true": phase1.get("chance"),
    "after phase 1, a video's score for all its segments": phase1.get("copied_video_score_map"),
    "after phase 1": phase1.get("segment_map"),
    "after phase 2": phase2.get("segment_map"),
}
print(f"\n{'MAP@100,000 over rated segments':52}", file=sys.stderr)
for name, value in rows.items():
    print(f"{name:52} {'-' if value is None else format(value, '.4f')}", file=sys.stderr)
print(file=sys.stderr)
print(json.dumps({"phase1": phase1, "phase2": phase2, "run_dir": sys.argv[3]}))
END_OF_PYTHON
