#!/usr/bin/env bash
# Judges what run_train.sh made: evaluation, ranked segments (RUN_DIR/segments.csv), the score of that very file, and a
# report to look at (RUN_DIR/report.html).
#
#   ./run_eval.sh                    with the settings by environment that run_train.sh had; see there
#
# Arguments are flags of the four commands below; each takes those that it has: ./run_eval.sh --segment_window=0,0
#
# The last line of standard output is JSON: eval, inference, submission, each the result of its command.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/yt8m_attention/cli/environment.sh"
explain_where_asked "$@"
settle_run "$@"
model="$RUN_DIR/phase2"
[ -d "$model" ] || refuse "$model: not there; train with ./run_train.sh first, or set RUN_DIR"
set_up_python
settle_judging

# Flags that one of the commands has and another has not; any other unknown flag still stops it.
some=run_once,num_examples,checkpoint,top_k,segment_max_pred,scores_file,top_n,label_cache,per_class_file,precision
some=$some,window_stride,vocabulary,frame_seconds,video_ids,top,feature_names,feature_sizes,num_classes,segment_window
some=$some,segment_size,frame_sampling,num_frames,trim_frames,frame_stride,first_frame,last_frame,max_frames
some=--undefok=$some,shuffle_shards,verify_crc,cache_bytes,video_score_weight

eval="$(result_of eval "--train_dir=$model" --segment_labels "${EVALUATED[@]}" "$some" "$@")"
inference="$(result_of inference "--train_dir=$model" --segment_labels "--output_file=$RUN_DIR/segments.csv" \
  "${EVALUATED[@]/#--eval_data_pattern=/--input_data_pattern=}" "$some" "$@")"
names=()
if [ -f "$model/vocabulary.csv" ]; then names=("--vocabulary=$model/vocabulary.csv"); fi
submission="$(result_of segment_eval_inference "--submission_file=$RUN_DIR/segments.csv" \
  "--segment_label_ids_file=$model/segment_label_ids.csv" ${names[@]+"${names[@]}"} "${EVALUATED[@]}" "$some" "$@")"

say "report: $RUN_DIR/report.html"
result_of report "--train_dir=$model" "${EVALUATED[@]/#--eval_data_pattern=/--input_data_pattern=}" \
  "--output_file=$RUN_DIR/report.html" "$some" "$@" >&2

printf '{"eval": %s, "inference": %s, "submission": %s}\n' "$eval" "$inference" "$submission"
