#!/usr/bin/env bash
# Checks everything: ./tests/run.sh [pytest arguments], for example `tests/run.sh --slow` or `tests/run.sh -k sparsemax`.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../yt8m_attention/cli/environment.sh"

set_up_python test
cd "$ROOT"
"$PYTHON" -m ruff check .
"$PYTHON" -m ruff format --check .
"$PYTHON" -m mypy
# Three processes, since many tests wait for others that they start; a file's tests in one of them, since they share what
# is dear to make.
exec "$PYTHON" -m pytest -n 3 --dist loadfile "$@"
