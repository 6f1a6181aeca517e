#!/usr/bin/env bash
# Evaluates a run of run_train.sh, ranks segments (RUN_DIR/segments.csv), scores that file, and writes a report
# (RUN_DIR/report.html).
#
#   ./run_eval.sh                    with the environment variables of run_train.sh
#
# Arguments are flags of the four commands below; each takes its own: ./run_eval.sh --segment_window=0,0
#
# The last line of standard output is JSON: eval, inference, submission, each the result of its command.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/yt8m_attention/cli/environment.sh"
print_help_if_asked "$@"
resolve_settings "$@"
model="$RUN_DIR/phase2"
[ -d "$model" ] || refuse "$model: does not exist; train with ./run_train.sh first, or set RUN_DIR"
case " $*" in
  *" --worker"* | *" --ranking_file"* | *" --merge_rankings"*)
    refuse "--worker, --ranking_file, --merge_rankings: rank a part of the files; give them to yt8m-inference instead"
    ;;
esac
set_up_python
resolve_evaluation_data

# Each command ignores the flags that only another of the four has. An unknown flag still stops the script.
commands=(eval inference segment_eval_inference report)
some="--undefok=$("$PYTHON" -m yt8m_attention.cli.flag_reference --names "${commands[@]}")"

eval="$(result_of eval "--train_dir=$model" --segment_labels "${EVALUATED[@]}" "$some" "$@")"
inference="$(result_of inference "--train_dir=$model" --segment_labels "--output_file=$RUN_DIR/segments.csv" \
  "${EVALUATED[@]/#--eval_data_pattern=/--input_data_pattern=}" "$some" "$@")"
names=()
if [ -f "$model/vocabulary.csv" ]; then names=("--vocabulary=$model/vocabulary.csv"); fi
submission="$(result_of segment_eval_inference "--submission_file=$RUN_DIR/segments.csv" \
  "--segment_label_ids_file=$model/segment_label_ids.csv" ${names[@]+"${names[@]}"} "${EVALUATED[@]}" "$some" "$@")"

log "report: $RUN_DIR/report.html"
result_of report "--train_dir=$model" "${EVALUATED[@]/#--eval_data_pattern=/--input_data_pattern=}" \
  "--output_file=$RUN_DIR/report.html" "$some" "$@" >&2

printf '{"eval": %s, "inference": %s, "submission": %s}\n' "$eval" "$inference" "$submission"
