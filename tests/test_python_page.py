"""docs/python.md: its examples run in order, in one namespace, and give the values that the page shows."""

import ast
import contextlib
import io
import logging
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parent.parent / "docs" / "python.md"
SHOWN = re.compile(r"\s# -> (.*)$")


def examples(text):
    """Yields (line number, code) of each fenced block of Python, those in HTML comments too."""
    for block in re.finditer(r"^```python\n(.*?)^```", text, re.M | re.S):
        yield text[: block.start(1)].count("\n") + 1, block[1]


def run(code, line, namespace):
    """Executes an example and compares each value after `# ->` with that of its statement.

    Args:
      code: the example.
      line: number of its first line in the page, for messages.
      namespace: dict of names, changed by the example.
    """
    lines = code.splitlines()
    for statement in ast.increment_lineno(ast.parse(code), line - 1).body:
        shown = SHOWN.search(lines[statement.end_lineno - line])
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            value = _execute(statement, namespace)
        if shown:
            found = printed.getvalue().strip() if value is None else value
            assert agrees(found, shown[1]), f"line {statement.end_lineno}: {found!r}, shown as {shown[1]}"


def _execute(statement, namespace):
    """Returns the value of an expression, None for other statements."""
    if isinstance(statement, ast.Expr):
        return eval(compile(ast.Expression(statement.value), str(PAGE), "eval"), namespace)
    exec(compile(ast.Module([statement], []), str(PAGE), "exec"), namespace)
    return None


def agrees(found, shown):
    """Whether a value is the one shown: equal as text, or a number equal to the digits shown, or a list of these."""
    if str(found) == shown:
        return True
    try:
        wanted = ast.literal_eval(shown)
    except (SyntaxError, ValueError):
        return False
    return _close(found, wanted, shown)


def _close(found, wanted, shown):
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(_close(f, w, str(w)) for f, w in zip(found, wanted, strict=True))
    if isinstance(wanted, float):
        return round(found, len(shown.partition(".")[2])) == wanted
    return found == wanted


@pytest.fixture
def restored_logging():
    """Levels and handlers are global; the page sets some."""
    loggers = [logging.getLogger(name) for name in (None, "yt8m_attention", "yt8m_attention.progress")]
    before = [(logger, logger.level, list(logger.handlers)) for logger in loggers]
    yield
    for logger, level, handlers in before:
        logger.setLevel(level)
        logger.handlers[:] = handlers


def test_every_example_gives_the_values_shown(tmp_path, monkeypatch, restored_logging):
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "page"}
    text = PAGE.read_text("utf-8")
    for line, code in examples(text):
        run(code, line, namespace)
    assert sum(bool(SHOWN.search(line)) for line in text.splitlines()) >= 40


def test_loggers_filter_the_messages_of_the_package(restored_logging):
    from yt8m_attention import progress

    package, module = logging.getLogger("yt8m_attention"), logging.getLogger("yt8m_attention.training.phase")
    messages = []
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())
    package.addHandler(handler)
    package.setLevel(logging.INFO)
    progress.Progress("videos", total=2).close()
    module.info("seen")
    logging.getLogger("yt8m_attention.progress").setLevel(logging.WARNING)
    progress.Progress("videos", total=2).close()
    package.setLevel(logging.ERROR)
    module.info("not seen")
    assert len(messages) == 2 and messages[0].startswith("0/2 videos") and messages[1] == "seen"


def test_a_wrong_value_on_the_page_is_seen():
    with pytest.raises(AssertionError, match=r"line 11: 3, shown as 4"):
        run("x = 1\nx + 2  # -> 4\n", 10, {})
    run("x = 1\nx / 3  # -> 0.333\nprint('a', x)  # -> a 1\n[0.1 + 0.2]  # -> [0.3]\n", 1, {})
    with pytest.raises(AssertionError):
        run("1 / 3  # -> 0.334\n", 1, {})
