"""Fuzzes one reader with atheris, which uses code coverage to choose inputs.

    python -m tests.fuzz.fuzz TARGET DIRECTORY [flags of libFuzzer, such as -max_total_time=60]

libFuzzer writes interesting inputs to DIRECTORY, and an input that shows a fault.
"""

import os
import sys
import tempfile

import atheris

with atheris.instrument_imports(include=["yt8m_attention"]):
    from tests.fuzz import targets


def main():
    name, directory, *flags = sys.argv[1:]
    target = targets.TARGETS[name]
    os.makedirs(directory, exist_ok=True)
    for number, seed in enumerate(target.seeds):
        with open(os.path.join(directory, f"seed-{number}"), "wb") as file:
            file.write(seed)
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as files:
        atheris.Setup(
            [name, directory, f"-artifact_prefix={directory}/", "-max_len=4096", "-print_final_stats=1", *flags],
            lambda raw: targets.check(target, raw, files),
        )
        atheris.Fuzz()


if __name__ == "__main__":
    main()
