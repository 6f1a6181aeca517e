"""The files that commands read and write."""

from dataclasses import dataclass

from yt8m_attention.config import Options, option


@dataclass(frozen=True)
class Files(Options):
    """Files to read and to write; each command takes some of them."""

    input_data_pattern: str | None = option(
        None, "files to score, rank or show: glob patterns separated by commas, local or gs://"
    )
    eval_data_pattern: str | None = option(
        None, "labelled files to evaluate on: glob patterns separated by commas, local or gs://"
    )
    submission_file: str | None = option(
        None, "ranked segments of each class: the challenge's CSV, written by any system"
    )
    output_file: str | None = option(None, "file to write")
    output_dir: str | None = option(
        None, "directory to write: new, empty, or written by an earlier call of the same command"
    )
    scores_file: str | None = option(
        None, "npz file to write every score to, which `ensemble` takes as one of its --inputs; absent: none"
    )
    per_class_file: str | None = option(
        None, "CSV file to write the average precision of each segment class to; absent: none"
    )
