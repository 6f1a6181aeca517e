"""The commands in the README of the starter code, of three years, with other paths.

$DATA holds a data set as `synthesize` writes it, $RUNS is a new directory.
"""

import shlex

_LINES = """
train --frame_features --model=FrameLevelLogisticModel --feature_names='rgb,audio' --feature_sizes='1024,128' --train_data_pattern=$DATA/train/train*.tfrecord --train_dir $RUNS/frame/sample_model --start_new_model
eval --eval_data_pattern=$DATA/validate/validate*.tfrecord --train_dir $RUNS/frame/sample_model --segment_labels
inference --train_dir $RUNS/frame/sample_model --output_file=$RUNS/kaggle_solution.csv --input_data_pattern=$DATA/test/test*.tfrecord --segment_labels
inference --train_dir $RUNS/frame/sample_model --output_file=$RUNS/kaggle_solution_validation.csv --input_data_pattern=$DATA/validate/validate*.tfrecord --segment_labels
segment_eval_inference --eval_data_pattern=$DATA/validate/validate*.tfrecord --label_cache=$RUNS/validate.label_cache --submission_file=$RUNS/kaggle_solution_validation.csv --top_n=100000
export_model_mediapipe --checkpoint_file $RUNS/frame/sample_model/inference_model/segment_inference_model --output_dir $RUNS/mediapipe/saved_model/
train --train_data_pattern="$DATA/train/train*.tfrecord" --frame_features --model=FrameLevelLogisticModel --feature_names='rgb,audio' --feature_sizes='1024,128' --train_dir=$RUNS/yt8m_train_frame_level_logistic_model --start_new_model
eval --eval_data_pattern="$DATA/validate/validate*.tfrecord" --frame_features --model=FrameLevelLogisticModel --feature_names='rgb,audio' --feature_sizes='1024,128' --train_dir=$RUNS/yt8m_train_frame_level_logistic_model --segment_labels --run_once=True
inference --input_data_pattern="$DATA/test/test*.tfrecord" --train_dir=$RUNS/yt8m_train_frame_level_logistic_model --segment_labels --output_file=$RUNS/yt8m_train_frame_level_logistic_model/predictions.csv
train --feature_names='mean_rgb,mean_audio' --feature_sizes='1024,128' --train_data_pattern=$DATA/video/train/train*.tfrecord --train_dir $RUNS/video/sample_model --start_new_model
eval --eval_data_pattern=$DATA/video/validate/validate*.tfrecord --train_dir $RUNS/video/sample_model
inference --train_dir $RUNS/video/sample_model --output_file=$RUNS/kaggle_video.csv --input_data_pattern=$DATA/video/test/test*.tfrecord
inference --train_dir $RUNS/video/sample_model --output_file=$RUNS/kaggle_video.csv --input_data_pattern=$DATA/video/test/test*.tfrecord --output_model_tgz=$RUNS/my_model.tgz
inference --input_model_tgz=$RUNS/my_model.tgz --output_file=$RUNS/kaggle_again.csv --input_data_pattern=$DATA/video/test/test*.tfrecord
train --train_data_pattern=$DATA/video/train/train*.tfrecord --model=LogisticModel --train_dir $RUNS/logistic
eval --eval_data_pattern=$DATA/video/validate/validate*.tfrecord --train_dir $RUNS/logistic --run_once=True
inference --output_file $RUNS/predictions.csv --input_data_pattern=$DATA/video/test/test*.tfrecord --train_dir $RUNS/logistic
train --frame_features --model=FrameLevelLogisticModel --feature_names='rgb,audio' --feature_sizes='1024,128' --train_data_pattern=$DATA/train/train*.tfrecord --train_dir $RUNS/frame2018 --start_new_model
eval --eval_data_pattern=$DATA/validate/validate*.tfrecord --train_dir $RUNS/frame2018
inference --train_dir $RUNS/frame2018 --output_file=$RUNS/kaggle_frame.csv --input_data_pattern=$DATA/test/test*.tfrecord
train --train_data_pattern="$DATA/video/train/train*.tfrecord" --train_dir=$RUNS/video_level_logistic_model
eval --eval_data_pattern="$DATA/video/validate/validate*.tfrecord" --train_dir=$RUNS/video_level_logistic_model --run_once=True
inference --output_file=$RUNS/video_level_logistic_model/predictions.csv --input_data_pattern="$DATA/video/validate/validate*.tfrecord" --train_dir=$RUNS/video_level_logistic_model
train --train_data_pattern="$DATA/train/train*.tfrecord" --frame_features=True --model=FrameLevelLogisticModel --feature_names="rgb" --feature_sizes="1024" --train_dir=$RUNS/frame_level_logistic_model
eval --eval_data_pattern="$DATA/validate/validate*.tfrecord" --run_once=True --frame_features=True --model=FrameLevelLogisticModel --feature_names="rgb" --feature_sizes="1024" --train_dir=$RUNS/frame_level_logistic_model
inference --output_file=$RUNS/frame_level_logistic_model/predictions.csv --input_data_pattern="$DATA/validate/validate*.tfrecord" --frame_features=True --model=FrameLevelLogisticModel --feature_names="rgb" --feature_sizes="1024" --train_dir=$RUNS/frame_level_logistic_model
train --train_data_pattern="$DATA/video/train/train*.tfrecord" --feature_names="mean_rgb, mean_audio" --feature_sizes="1024, 128" --train_dir=$RUNS/audio_visual
train --train_data_pattern="$DATA/train/train*.tfrecord" --frame_features=True --model=FrameLevelLogisticModel --feature_names="rgb" --feature_sizes="1024" --batch_size=256 --train_dir=$RUNS/gcloud_frame_level
"""  # noqa: E501  a line each, as they are typed

# Not in the README: every other flag of the starter code, with small sizes.
_MORE = """
train --model=DbofModel --frame_features --dbof_cluster_size=64 --dbof_hidden_size=32 --dbof_pooling_method=average --dbof_add_batch_norm --iterations=10 --sample_random_frames --video_level_classifier_model=MoeModel --moe_num_mixtures=2 --train_data_pattern=$DATA/train/train*.tfrecord --train_dir=$RUNS/dbof
eval --eval_data_pattern=$DATA/validate/validate*.tfrecord --train_dir=$RUNS/dbof --segment_labels --batch_size=64 --num_readers=4 --model=DbofModel --dbof_cluster_size=64 --dbof_hidden_size=32 --dbof_pooling_method=average --iterations=10 --label_loss=CrossEntropyLoss
inference --input_data_pattern=$DATA/test/test*.tfrecord --train_dir=$RUNS/dbof --segment_labels --batch_size=64 --num_readers=2 --top_k=20 --segment_max_pred=1000 --output_file=$RUNS/dbof.csv
train --model=LstmModel --frame_features --lstm_cells=32 --lstm_layers=2 --base_learning_rate=0.001 --train_data_pattern=$DATA/train/train*.tfrecord --train_dir=$RUNS/lstm
inference --input_data_pattern=$DATA/test/test*.tfrecord --checkpoint_file=$RUNS/lstm/inference_model/inference_model --lstm_layers=2 --batch_size=5 --output_file=$RUNS/lstm.csv
train --model=MoeModel --noframe_features --feature_names=mean_rgb,mean_audio --feature_sizes=1024,128 --num_readers=4 --label_loss=CrossEntropyLoss --optimizer=AdamOptimizer --regularization_penalty=1 --num_gpu=1 --export_model_steps=10 --nolog_device_placement --train_data_pattern=$DATA/video/train/train*.tfrecord --train_dir=$RUNS/moe
inference --input_data_pattern=$DATA/video/test/test*.tfrecord --train_dir=$RUNS/moe --noframe_features --output_file=$RUNS/moe.csv
"""  # noqa: E501


def commands(data, runs, more=False):
    """[command, argument, ...] of every line; more: also of those that are in no README."""
    for line in (_LINES + (_MORE if more else "")).splitlines():
        if line:
            yield shlex.split(line.replace("$DATA", str(data)).replace("$RUNS", str(runs)))
