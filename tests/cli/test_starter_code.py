"""The starter code's command lines: what they become, what is refused, and that they run."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests import commands
from tests.cli import starter_commands
from yt8m_attention import config
from yt8m_attention.config import presets
from yt8m_attention.runs import run_file

ROOT = Path(__file__).resolve().parents[2]

# Answers for several argument lists of one command: what train's become, or the refusal.
ANSWER = """
import dataclasses, importlib, json, logging, sys
from absl import flags
from absl.testing import flagsaver
from yt8m_attention.cli import app, starter_code, training
from yt8m_attention.errors import UserError

class Lines(logging.Handler):
    def emit(self, record):
        self.lines.append(record.getMessage())

lines, package = Lines(), logging.getLogger("yt8m_attention")
package.addHandler(lines)
package.setLevel(logging.INFO)
command, *_ = sys.argv[1:]
app.define(importlib.import_module(f"yt8m_attention.{command}").OPTIONS)
answers = []
for arguments in json.load(sys.stdin):
    said = []
    lines.lines = said
    with flagsaver.flagsaver():
        try:
            app.parse([command, *arguments])
            level = None
            if command in ("train", "eval", "inference.__main__"):
                level = (starter_code.training if command == "train" else starter_code.trained)()
            made = dataclasses.asdict(training.run()) if command == "train" else None
            answers.append({"run": made, "flags": app.effective_flags(), "said": said,
                            "level": level and dataclasses.astuple(level)})
        except (UserError, flags.Error) as error:
            answers.append({"error": str(error)})
print(json.dumps([answers, "tensorflow" in sys.modules]))
"""


def answers(command, argument_lists):
    """What a command makes of each list of arguments, found out without TensorFlow."""
    done = subprocess.run(
        [sys.executable, "-c", ANSWER, command], input=json.dumps(argument_lists), cwd=ROOT, capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found, with_tensorflow = json.loads(done.stdout)
    assert not with_tensorflow
    return found


def trained(*argument_lists, always=("--max_steps=1",)):
    places = ["--train_data_pattern=p", "--train_dir=d", *always]
    return answers("train", [places + list(arguments) for arguments in argument_lists])


def test_every_line_of_the_readme_is_understood():
    by_command = {}
    for command, *arguments in starter_commands.commands("data", "runs", more=True):
        by_command.setdefault(command, []).append(arguments)
    assert set(by_command) == {
        "train", "eval", "inference", "segment_eval_inference", "export_model_mediapipe",
    }  # fmt: skip
    for command, lists in by_command.items():
        found = answers("inference.__main__" if command == "inference" else command, lists)
        assert [answer.get("error") for answer in found] == [None] * len(lists)


ALL_FRAMES = {"frame_sampling": "all", "trim_frames": 0}
MOE = {"video_level_classifier_model": "moe", "moe_num_mixtures": 2, "moe_probability_gating": False,
       "l2_penalty": 1e-8, "input_noise": 0.0}  # fmt: skip
LOGISTIC = {"video_level_classifier_model": "logistic", "l2_penalty": None, "hidden_layer": False,
            "context_gating": False, "input_noise": 0.0}  # fmt: skip
NETWORKS = {
    "FrameLevelLogisticModel": ({"model": "frame_pooling", "pooling": "mean"} | LOGISTIC, ALL_FRAMES),
    "LogisticModel": ({"model": "video_level"} | LOGISTIC, ALL_FRAMES),
    "MoeModel": ({"model": "video_level", "hidden_layer": False, "context_gating": False} | MOE, ALL_FRAMES),
    "DbofModel": (
        {"model": "dbof", "dbof_cluster_size": 8192, "hidden_size": 1024, "hidden_layer": True, "context_gating": True,
         "pooling": "max"} | MOE,
        {"frame_sampling": "random", "num_frames": 30, "trim_frames": 0},
    ),
    "LstmModel": (
        {"model": "lstm", "lstm_cells": 1024, "lstm_layers": 2, "pooling": "last", "hidden_layer": False,
         "context_gating": False} | MOE,
        ALL_FRAMES,
    ),
}  # fmt: skip


def test_names_of_models_stand_for_networks():
    assert NETWORKS.keys() == presets.PRESETS.keys()
    for answer, (model, sampling) in zip(
        trained(*([f"--model={n}"] for n in NETWORKS)), NETWORKS.values(), strict=True
    ):
        run, ours = answer["run"], config.Sampling()
        assert model.items() <= run["model"].items()
        assert run["data"]["sampling"] == {name: sampling.get(name, getattr(ours, name)) for name in vars(ours)}


def test_a_preset_is_the_same_run_as_our_own_flags():
    theirs, ours = trained(
        ["--model=FrameLevelLogisticModel"],
        ["--flagfile=flags/frame_logistic.flags", "--frame_sampling=all", "--trim_frames=0", "--input_noise=0"],
    )
    assert theirs["run"] == ours["run"] and theirs["flags"] == ours["flags"]


def test_flags_override_a_preset_wherever_they_stand():
    given = ["--hidden_size=8", "--trim_frames=3", "--l2_penalty=0.5", "--context_gating=false"]
    for answer in trained([*given, "--model=DbofModel"], ["--model=DbofModel", *given]):
        model, sampling = answer["run"]["model"], answer["run"]["data"]["sampling"]
        assert (model["hidden_size"], model["l2_penalty"], model["context_gating"]) == (8, 0.5, False)
        assert (sampling["trim_frames"], sampling["num_frames"]) == (3, 30)


def test_what_a_preset_sets_is_said_as_flags():
    (answer,) = trained(["--model=LstmModel", "--lstm_cells=7"])
    assert answer["said"] == [
        "--model=LstmModel: lstm with --lstm_layers=2 --pooling=last --nomoe_probability_gating --l2_penalty=1e-08 "
        "--nohidden_layer --nocontext_gating --frame_sampling=all --trim_frames=0 --input_noise=0.0"
    ]
    (again,) = trained(["--model=lstm", "--lstm_cells=7", *answer["said"][0].partition(" with ")[2].split()])
    assert again["run"] == answer["run"]


# {arguments: the equivalent arguments of this project}
TRANSLATIONS = {
    "--export_model_steps=50": "--save_checkpoint_steps=50",
    "--export_model_steps=50 --save_checkpoint_steps=50": "--save_checkpoint_steps=50",
    "--iterations=30": "--num_frames=30",
    "--model=dbof --sample_random_frames --frame_sampling=random": "--model=dbof",
    "--model=dbof --dbof_hidden_size=9": "--model=dbof --hidden_size=9",
    "--model=dbof --dbof_pooling_method=average": "--model=dbof --pooling=mean",
    "--model=dbof --dbof_pooling_method=max": "--model=dbof --pooling=max",
    "--model=DbofModel --dbof_hidden_size=9": "--model=DbofModel --hidden_size=9",
    "--regularization_penalty=1": "",
    "--regularization_penalty=2": "--l2_penalty=2e-6",
    "--regularization_penalty=0": "--l2_penalty=0",
    "--regularization_penalty=2 --l2_penalty=0.25": "--l2_penalty=0.5",
    "--regularization_penalty=2 --video_level_classifier_model=LogisticModel":
        "--l2_penalty=2e-8 --video_level_classifier_model=logistic",
    "--regularization_penalty=2 --model=MoeModel": "--l2_penalty=2e-8 --model=MoeModel",
    "--regularization_penalty=2 --model=LogisticModel": "--l2_penalty=2e-8 --model=LogisticModel",
    "--feature_names=mean_rgb,mean_audio": "--feature_names=rgb,audio",
    "--feature_names=mean_rgb --feature_sizes=1024": "--feature_names=rgb --feature_sizes=1024",
    "--feature_names=mean_energy --feature_sizes=3": "--feature_names=mean_energy --feature_sizes=3",
    # Accepted without effect.
    "--num_readers=8": "",
    "--label_loss=CrossEntropyLoss": "",
    "--optimizer=AdamOptimizer": "",
    "--optimizer=Adam": "",
    "--nolog_device_placement": "",
    "--dbof_add_batch_norm": "",
    "--dbof_activation=relu": "",
    "--frame_features": "",
    "--noframe_features": "",
    "--dbof_hidden_size=9 --dbof_pooling_method=average --nosample_random_frames": "",
    "--model=LstmModel --video_level_classifier_model=MoeModel": "--model=LstmModel",
}  # fmt: skip


def test_flags_become_those_of_this_project():
    theirs = trained(*(line.split() for line in TRANSLATIONS))
    ours = trained(*(line.split() for line in TRANSLATIONS.values()))
    for line, their, our in zip(TRANSLATIONS, theirs, ours, strict=True):
        assert "error" not in their, (line, their)
        assert (line, their["run"], their["flags"]) == (line, our["run"], our["flags"])


def test_length_of_a_run():
    nothing, steps, passes = trained([], ["--max_steps=3"], ["--num_epochs=2"], always=())
    lengths = [(a["run"]["phase"]["max_steps"], a["run"]["phase"]["num_epochs"]) for a in (nothing, steps, passes)]
    assert lengths == [(None, 5), (3, None), (None, 2)]
    assert nothing["said"] == ["--num_epochs: not given, so 5 passes, the starter code's default"]
    assert nothing["flags"]["num_epochs"] == 5 and not steps["said"] and not passes["said"]


def test_the_level_that_is_wanted():
    none, frames, video, means = trained(
        [], ["--frame_features"], ["--noframe_features", "--model=MoeModel"], ["--feature_names=mean_rgb,mean_audio"]
    )
    assert [a["level"][0] for a in (none, frames, video, means)] == [None, False, True, True]
    default = "--model: not given, so multi_attention; the starter code's default is LogisticModel"
    assert frames["said"] == means["said"] == [default] and not none["said"]
    assert means["flags"]["feature_names"] == ["rgb", "audio"] and "frame_features" not in frames["flags"]


OF_BATCH_NORM = "not available; clusters and hidden layer are always batch-normalised, leave the flag out"
REFUSED = {
    "--label_loss=HingeLoss": "not available; training uses CrossEntropyLoss, give that or leave the flag out",
    "--optimizer=GradientDescentOptimizer":
        "not available; training uses AdamOptimizer, give that or leave the flag out",
    "--log_device_placement": "placement is not logged; use --profile_steps=A,B, whose TensorBoard profile shows it",
    "--nodbof_add_batch_norm": OF_BATCH_NORM,
    "--dbof_activation=sigmoid": "not available; clusters pass through relu, leave the flag out",
    "--nosample_random_frames --model=DbofModel":
        "a random run of frames is not available; use --frame_sampling=every or --frame_sampling=all",
    "--sample_random_frames --model=dbof --frame_sampling=all":
        "--frame_sampling=all is given too and says otherwise; leave one out",
    "--export_model_steps=500 --save_checkpoint_steps=1000":
        "--save_checkpoint_steps=1000 is given too and says otherwise; leave one out",
    "--iterations=30 --num_frames=120": "--num_frames=120 is given too and says otherwise; leave one out",
    "--dbof_hidden_size=512 --hidden_size=1024 --model=dbof":
        "--hidden_size=1024 is given too and says otherwise; leave one out",
    "--dbof_pooling_method=average --pooling=max --model=DbofModel":
        "--pooling=max is given too and says otherwise; leave one out",
    "--video_level_classifier_model=moe --model=FrameLevelLogisticModel":
        "FrameLevelLogisticModel is logistic; leave it out, or give --model=frame_pooling",
    "--feature_names=mean_rgb,audio":
        "mixes names of video-level and frame-level features; give --feature_names=rgb,audio",
    "--feature_names=mean_rgb --feature_sizes=1024 --frame_features":
        "names a video-level feature, and --frame_features is given; give --feature_names=rgb",
    "--noframe_features --segment_labels":
        "--segment_labels needs frame-level records; leave the flag out, or name video-level files",
    "--feature_names=mean_rgb --segment_labels":
        "--segment_labels needs frame-level records; give --feature_names=rgb",
}  # fmt: skip
# Refused as declared, in words of absl or of config.option.
OUT_OF_RANGE = {
    "--dbof_pooling_method=none": "flag --dbof_pooling_method=none: value should be one of <max|average>",
    "--num_readers=0": "--num_readers: found 0, wanted 1 to 2147483647",
    "--num_gpu=0": "--num_gpu: found 0, wanted 1 to 2147483647",
    "--regularization_penalty=-1": "--regularization_penalty: found -1.0, wanted a number, 0 or more",
    "--regularization_penalty=nan": "--regularization_penalty: found nan, wanted a number, 0 or more",
    "--iterations=0": "--iterations: found 0, wanted 1 to 1048576",
    "--lstm_layers=0": "--lstm_layers: found 0, wanted 1 to 1048576",
}


def test_what_has_no_counterpart_is_refused_by_name():
    found = trained(*(line.split() for line in [*REFUSED, *OUT_OF_RANGE]))
    wanted = [f"{line.split()[0]}: {words}" for line, words in REFUSED.items()] + list(OUT_OF_RANGE.values())
    assert [answer.get("error") for answer in found] == wanted


def test_a_refusal_is_one_line_and_status_2_and_leaves_nothing(planted, tmp_path):
    result = commands.run("train", f"--train_data_pattern={planted}/train/*", f"--train_dir={tmp_path}/run",
                          "--label_loss=HingeLoss", "--feature_sizes=24,8", "--num_classes=6")  # fmt: skip
    assert (result.status, result.stdout) == (2, "")
    assert result.stderr == f"train: --label_loss=HingeLoss: {REFUSED['--label_loss=HingeLoss']}\n"
    assert not list(tmp_path.iterdir())


SMALL = ("--feature_sizes=24,8", "--num_classes=6", "--max_steps=1", "--batch_size=8", "--quiet")


@pytest.fixture(scope="module")
def runs(planted, tmp_path_factory):
    """A directory with a run of LogisticModel on video-level files and one of LstmModel on frame-level files."""
    folder = tmp_path_factory.mktemp("runs")
    commands.succeed("train", f"--train_data_pattern={planted}/video/train/*", f"--train_dir={folder}/video",
                     "--model=LogisticModel", "--feature_names=mean_rgb,mean_audio", *SMALL)  # fmt: skip
    commands.succeed("train", f"--train_data_pattern={planted}/train/*", f"--train_dir={folder}/lstm",
                     "--frame_features", "--model=LstmModel", "--lstm_cells=5", "--num_gpu=1", *SMALL)  # fmt: skip
    return folder


def test_run_json_holds_our_own_names(runs):
    saved = json.loads((runs / "lstm" / "run.json").read_text())
    assert saved["config"]["model"]["model"] == saved["flags"]["model"] == "lstm"
    assert saved["config"]["model"]["lstm_layers"] == 2 and saved["config"]["num_gpu"] == 1
    assert not {"frame_features", "iterations", "optimizer"} & (saved["flags"].keys() | saved["config"]["model"].keys())
    assert None not in saved["flags"].values()


LEVELS = [
    ("", "--noframe_features", "frame-level records; leave the flag out, or name video-level files"),
    ("", "--feature_names=mean_rgb,mean_audio", "frame-level records; give --feature_names=rgb,audio"),
    ("video/", "--frame_features", "video-level records; leave the flag out, or name frame-level files"),
    ("", "--frame_features", None),
    ("video/", "--noframe_features", None),
    ("video/", "--feature_names=mean_rgb,mean_audio", None),
]


@pytest.mark.parametrize("command", ["train", "eval", "inference"])
def test_the_level_of_the_files_is_checked(planted, runs, tmp_path, command):
    for number, (folder, flag, words) in enumerate(LEVELS if command == "train" else LEVELS[:3]):
        files, made = f"{planted}/{folder}test", tmp_path / str(number)
        model = f"--train_dir={runs}/video"
        arguments = {
            "train": (f"--train_data_pattern={files}/*", f"--train_dir={made}", "--num_heads=2", "--hidden_size=4",
                      *SMALL),
            "eval": (f"--eval_data_pattern={files}/*", model),
            "inference": (f"--input_data_pattern={files}/*", model, f"--output_file={made}"),
        }[command]  # fmt: skip
        result = commands.run(command, "--quiet", *arguments, flag)
        wanted = f"{command}: {flag}: {files}/test0000.tfrecord holds {words}\n" if words else ""
        assert (result.status, result.stderr) == (2 if words else 0, wanted)
        assert not (words and made.exists())


# Of a trained lstm: flags that agree with it, and those that do not.
REPEATED = {
    "--model=LstmModel --lstm_cells=5 --lstm_layers=2 --moe_num_mixtures=2 --dbof_cluster_size=3 --dbof_hidden_size=3 "
    "--iterations=9 --nosample_random_frames --label_loss=CrossEntropyLoss --num_readers=3 --feature_names=rgb,audio "
    "--feature_sizes=24,8": None,
    "--model=DbofModel": "--model=DbofModel: the model in {} is lstm; leave --model out",
    "--model=gru": "--model=gru: the model in {} is lstm; leave --model out",
    "--lstm_cells=512": "--lstm_cells=512: the model in {} has 5; leave the flag out",
    "--lstm_layers=1": "--lstm_layers=1: the model in {} has 2; leave the flag out",
    "--video_level_classifier_model=LogisticModel":
        "--video_level_classifier_model=logistic: the model in {} has moe; leave the flag out",
    "--dbof_activation=relu6": "--dbof_activation=relu6: not available; clusters pass through relu, leave the flag out",
}  # fmt: skip


def test_flags_of_the_network_may_be_repeated_but_not_changed(planted, runs, tmp_path):
    place = f"{runs}/lstm"
    for line, words in REPEATED.items():
        result = commands.run("eval", f"--eval_data_pattern={planted}/test/*", f"--train_dir={place}", "--quiet",
                              *line.split())  # fmt: skip
        assert (result.status, result.stderr) == ((2, f"eval: {words.format(place)}\n") if words else (0, ""))
    result = commands.run("inference", f"--input_data_pattern={planted}/test/*", f"--train_dir={runs}/video", "--quiet",
                          f"--output_file={tmp_path}/out.csv", "--model=MoeModel")  # fmt: skip
    assert result.stderr == f"inference: --model=MoeModel: the model in {runs}/video is logistic; leave --model out\n"


def test_batch_size_changes_no_result(planted, runs, tmp_path):
    model = (f"--train_dir={runs}/lstm", "--quiet")
    of_eval = [
        commands.succeed("eval", f"--eval_data_pattern={planted}/test/*", *model, "--segment_labels", *flags)
        for flags in ((), ("--batch_size=7",))
    ]
    for name, value in of_eval[0].items():
        assert of_eval[1][name] == (pytest.approx(value, rel=1e-5) if isinstance(value, float) else value), name
    rows = []
    for flags in ((), ("--batch_size=7",), ("--batch_size=7", "--window_stride=2")):
        path = tmp_path / "segments.csv"
        result = commands.succeed("inference", f"--input_data_pattern={planted}/test/*", *model, "--segment_labels",
                                  f"--segment_label_ids_file={planted}/segment_label_ids.csv", f"--output_file={path}",
                                  *flags)  # fmt: skip
        rows.append((result["rows"], {line.partition(",")[0]: len(line.split()) for line in path.open()}))
    assert rows[0] == rows[1] and rows[2][0] > rows[1][0]


def test_the_list_of_classes_beside_the_data_is_found(planted, runs, tmp_path):
    base = (f"--train_dir={runs}/lstm", "--segment_labels", f"--output_file={tmp_path}/s.csv")
    beside = commands.run("inference", f"--input_data_pattern={planted}/test/*", *base)
    assert beside.status == 0, beside.stderr
    assert beside.json["classes"] == 4
    assert f"--segment_label_ids_file: not given, so the classes in {planted}/segment_label_ids.csv" in beside.stderr
    alone = tmp_path / "alone" / "test"
    alone.mkdir(parents=True)
    for path in (planted / "test").glob("*.tfrecord"):
        (alone / path.name).write_bytes(path.read_bytes())
    without = commands.run("inference", f"--input_data_pattern={alone}/*", *base, "--quiet")
    assert without.status == 2 and without.stderr.startswith("inference: --segment_label_ids_file: not given")
    (alone / "segment_label_ids.csv").write_text("Index\n1\n2\n")
    within = commands.succeed("inference", f"--input_data_pattern={alone}/*.tfrecord", *base)
    assert within["classes"] == 2


def test_top_n_0_counts_all(planted, runs, tmp_path):
    path = f"{tmp_path}/s.csv"
    commands.succeed("inference", f"--input_data_pattern={planted}/test/*", f"--train_dir={runs}/lstm",
                     "--segment_labels", f"--output_file={path}")  # fmt: skip
    base = (f"--eval_data_pattern={planted}/test/*", f"--submission_file={path}")
    cut, *others = (commands.succeed("segment_eval_inference", *base, f"--top_n={n}") for n in (1, 0, 100000))
    assert others[0] == others[1] != cut


ARCHIVES = {
    "--train_dir={run} --input_model_tgz={tgz}":
        "--train_dir={run}: given with --input_model_tgz, which brings the model; leave one out",
    "--train_dir={run} --untar_model_dir={new}":
        "--untar_model_dir={new}: given without --input_model_tgz; leave it out, or give both",
    "--train_dir={run} --output_model_tgz={out}": "--output_model_tgz={out}: is --output_file too; name another file",
    "--train_dir={run} --output_model_tgz=x --worker=1/2 --segment_labels --output_file= --ranking_file=y":
        "--output_model_tgz=x: given with --worker; give it to one command without --worker",
    "--checkpoint_file={new}/model.ckpt-1000": "--checkpoint_file={new}/model.ckpt-1000: is no checkpoint; name "
        "TRAIN_DIR/checkpoints/step-N.npz, or give --train_dir=TRAIN_DIR",
    "": "--train_dir: not given; ",
}  # fmt: skip


def test_a_model_travels_in_an_archive(planted, runs, tmp_path):
    places = {"run": f"{runs}/lstm", "tgz": f"{tmp_path}/m.tgz", "new": f"{tmp_path}/new", "out": f"{tmp_path}/o.csv"}
    base = (f"--input_data_pattern={planted}/test/*", f"--output_file={places['out']}", "--quiet")
    for line, words in ARCHIVES.items():
        result = commands.run("inference", *base, *(part.format(**places) for part in line.split()))
        assert result.status == 2 and result.stderr.startswith(f"inference: {words.format(**places)}")
    assert not list(tmp_path.iterdir())
    first = commands.succeed("inference", *base, f"--train_dir={places['run']}", f"--output_model_tgz={places['tgz']}")
    assert first["output_model_tgz"] == places["tgz"]
    csv = Path(places["out"]).read_bytes()
    for _ in range(2):  # the second finds the directory filled
        commands.succeed("inference", *base, f"--input_model_tgz={places['tgz']}", f"--untar_model_dir={places['new']}")
        assert Path(places["out"]).read_bytes() == csv
    assert run_file.read(places["new"]).model == run_file.read(places["run"]).model
    evaluated = commands.succeed("eval", f"--eval_data_pattern={planted}/test/*", f"--train_dir={places['new']}")
    assert evaluated["step"] == 1
    start = (f"--train_data_pattern={planted}/train/*", f"--train_dir={tmp_path}/next", "--model=LstmModel",
             "--lstm_cells=5", f"--init_checkpoint={places['new']}", *SMALL)  # fmt: skip
    refused = commands.run("train", *start)
    assert refused.status == 2 and "has no state of the optimizer" in refused.stderr
    assert commands.succeed("train", *start, "--reset_optimizer")["step"] == 1


# Lines of the README without --model train multi_attention, which takes long; and the rest of them little.
FASTER = ("--num_heads=2", "--hidden_size=32")


@pytest.mark.slow
def test_the_commands_of_the_readme_run(tmp_path):
    data, runs = tmp_path / "data", tmp_path / "runs"
    runs.mkdir()
    commands.succeed("synthesize", f"--output_dir={data}", "--num_train=24", "--num_validate=16", "--num_test=12",
                     "--quiet")  # fmt: skip
    for command, *arguments in starter_commands.commands(data, runs, more=True):
        plain = command == "train" and not any(argument.startswith("--model") for argument in arguments)
        result = commands.run(command, *arguments, *(FASTER if plain else ()))
        assert result.status == 0, (command, arguments, result.stderr)
    assert (runs / "kaggle_video.csv").read_bytes() == (runs / "kaggle_again.csv").read_bytes()
    with open(runs / "kaggle_solution.csv") as file:
        assert next(file) == "Class,Segments\n"
    with open(runs / "predictions.csv") as file:
        assert next(file) == "VideoId,LabelConfidencePairs\n"
