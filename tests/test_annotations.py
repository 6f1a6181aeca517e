"""Every public function and method of the package says what it takes and returns; mypy checks that it is true."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent / "yt8m_attention"


def unannotated(body):
    """Yields the public functions of a module or class whose arguments or result have no annotation."""
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from (f"{node.name}.{name}" for name in unannotated(node.body))
        elif isinstance(node, ast.FunctionDef) and (
            not node.name.startswith("_") or node.name in ("__init__", "__call__")
        ):
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            missing = [a.arg for a in arguments if a.annotation is None and a.arg not in ("self", "cls")]
            if missing or (node.returns is None and node.name != "__init__"):
                yield node.name


def test_public_functions_are_annotated():
    modules = {path: ast.parse(path.read_text("utf-8")).body for path in PACKAGE.rglob("*.py")}
    assert [f"{path}: {name}" for path, body in modules.items() for name in unannotated(body)] == []


def test_a_missing_annotation_is_seen():
    body = ast.parse("class A:\n def f(self, x: int): pass\n def _g(self, y): pass\ndef h(z) -> None: pass").body
    assert list(unannotated(body)) == ["A.f", "h"]
