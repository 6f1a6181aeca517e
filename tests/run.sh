#!/usr/bin/env bash
# Checks everything (lint, types, tests): tests/run.sh [pytest arguments], as `tests/run.sh --slow` or `tests/run.sh -k moments`.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../yt8m_attention/cli/environment.sh"

set_up_python test
cd "$ROOT"
"$PYTHON" -m ruff check .
"$PYTHON" -m ruff format --check .
"$PYTHON" -m mypy
# Three processes, since many tests wait for commands that they start. The tests of one file run in one process, since
# they share expensive fixtures.
exec "$PYTHON" -m pytest -n 3 --dist loadfile "$@"
