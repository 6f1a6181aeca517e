"""Installs the package; what else belongs to the project (flagfiles, scripts, tests) is used from the repository."""

import re
import runpy
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
VERSION = re.search(r'^__version__ = "(.+)"', (ROOT / "yt8m_attention/__init__.py").read_text("utf-8"), re.M).group(1)

COMMANDS = runpy.run_path(str(ROOT / "yt8m_attention/cli/__init__.py"))["COMMANDS"]

# One distribution of TensorFlow for processors and GPUs alike: the extra `gpu` only adds NVIDIA's libraries to it.
# (`tensorflow-cpu` would be a second distribution of the same package, and whichever came last would win.)
TENSORFLOW_VERSION = ">=2.21,<2.22"

setup(
    name="yt8m-attention",
    version=VERSION,
    description="Multi-attention networks that locate video-level labels in time, for YouTube-8M segments",
    long_description=(ROOT / "README.md").read_text("utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    packages=find_packages(include=["yt8m_attention", "yt8m_attention.*"]),
    package_data={"yt8m_attention.reports": ["assets/*"]},
    python_requires=">=3.11,<3.14",
    install_requires=[
        f"tensorflow{TENSORFLOW_VERSION}",
        "keras>=3.15,<3.16",
        "numpy>=2.0,<3",
        "pandas>=2.2,<4",
        "absl-py>=2.1,<3",
        "google-crc32c>=1.5,<2",  # checksums of records; TensorFlow has them only inside its own readers
        "protobuf>=6.31.1,<8",  # as TensorFlow has it
        "tensorboard>=2.21,<2.22",  # TensorFlow 2.21 does not depend on it
    ],
    extras_require={
        "gpu": [
            f"tensorflow[and-cuda]{TENSORFLOW_VERSION}",
            "nvidia-cudnn-cu12>=9.3,<9.11",  # 9.11 gave up all GPUs before Turing, the P100 among them
        ],
        "test": [
            "pytest>=8.2,<10",
            "pytest-xdist>=3.6,<4",
            "hypothesis>=6.100,<7",
            "scikit-learn>=1.5,<2",
            "ai-edge-litert>=2.1,<3",  # exported models on LiteRT; skipped where it is not
            "selenium>=4.20,<5",  # reports in a browser; skipped where there is no Chromium with its driver
            "ruff>=0.17,<0.18",  # a release may format differently
            "mypy>=2.4,<2.5",  # a release may find more; the checker that most typed libraries of the field use
            "pandas-stubs>=2.2,<4",
            "nbformat>=5.10,<6",  # the notebook docs/moments.ipynb: reads it,
            "nbclient>=0.10,<1",  # executes it (a slow test),
            "ipykernel>=6.29,<8",  # in this kernel,
            "matplotlib>=3.9,<4",  # with which it draws its figure
        ],
    },
    entry_points={
        "console_scripts": [f"yt8m-{name} = yt8m_attention.{module}:entry" for name, module in COMMANDS.items()]
    },
)
