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
settle_run "$@"
model="$RUN_DIR/phase2"
[ -d "$model" ] || refuse "$model: not there; train with ./run_train.sh first, or set RUN_DIR"
set_up_python

# Flags that one of the commands has and another has not; any other unknown flag still stops it.
some=run_once,num_examples,checkpoint,top_k,segment_max_pred,scores_file,top_n,label_cache,per_class_file
some=$some,precision,window_stride,window_overlap,vocabulary,video_ids,top,segment_window,segment_size,segment_label_ids_file,frame_sampling,num_frames,trim_frames,frame_stride
some=--undefok=$some,first_frame,last_frame,max_frames,shuffle_shards,cache_dir,index_dir,verify_crc,max_bad_records,cache_bytes

eval="$(result_of eval "--train_dir=$model" --segment_labels "${EVALUATED[@]}" "$some" "$@")"
inference="$(result_of inference "--train_dir=$model" --segment_labels "--output_file=$RUN_DIR/segments.csv" \
  "${EVALUATED[@]/#--eval_data_pattern=/--input_data_pattern=}" "$some" "$@")"
submission="$(result_of segment_eval_inference "--submission_file=$RUN_DIR/segments.csv" \
  "--segment_label_ids_file=$model/segment_label_ids.csv" "${EVALUATED[@]}" "$some" "$@")"

say "report: $RUN_DIR/report.html"
result_of report "--train_dir=$model" "${EVALUATED[@]/#--eval_data_pattern=/--input_data_pattern=}" \
  "--output_file=$RUN_DIR/report.html" "$some" "$@" >&2

printf '{"eval": %s, "inference": %s, "submission": %s}\n' "$eval" "$inference" "$submission"
