"""The package's floors: imports only point down, never in a circle, and some folders keep to few libraries."""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "yt8m_attention"

# The first part of a module's name below the package -> its floor. Any other module of the top level is a command, and
# so is a folder's __main__ (a command that shares its name with a folder).
FLOORS = {
    "": 0, "errors": 0, "files": 0, "memory": 0, "progress": 0, "schema": 0,
    "config": 1, "ops": 1,
    "data": 2, "layers": 2, "losses": 2, "metrics": 2,
    "models": 3,
    "training": 4, "evaluation": 4, "inference": 4, "export": 4, "ensembling": 4, "reports": 4,
    "cli": 5,
}  # fmt: skip
COMMAND_FLOOR = 6

# Pure arithmetic, which has to run without TensorFlow, on what it imports included.
NUMPY_ALONE = ("metrics.reference", "inference.ranking", "ensembling.blend", "ensembling.pseudo_labels")
# These run unchanged on every Keras backend.
BACKEND_FREE = ("ops", "layers", "losses", "models")


def read_modules(root):
    """{name below the package: set of all names that it imports} for every module under root/PACKAGE.

    Imports inside functions count as well: they are arrows like the others.
    """
    modules = {}
    for path in sorted((root / PACKAGE).rglob("*.py")):
        parts = path.relative_to(root / PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        modules[name] = set(_imported(ast.parse(path.read_text("utf-8"))))
    return modules


def _imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide which way an arrow points"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def arrows(modules):
    """{module: set of the package's modules that it imports}."""
    return {name: {_module(target, modules) for target in imported} - {None} for name, imported in modules.items()}


def _module(target, modules):
    """The package's module that an imported name is, or is part of; None for names of others."""
    top, _, rest = target.partition(".")
    if top != PACKAGE:
        return None
    if rest in modules:
        return rest
    return rest.rpartition(".")[0]


def unit(module):
    return module.partition(".")[0]


def floor(module, modules):
    if module.endswith("__main__"):
        return COMMAND_FLOOR
    if unit(module) in FLOORS:
        return FLOORS[unit(module)]
    folder = any(name.startswith(f"{unit(module)}.") for name in modules)
    assert not folder, f"{PACKAGE}/{unit(module)} has no floor: give it one in FLOORS"
    return COMMAND_FLOOR


def upward(modules):
    return [
        f"{source} (floor {floor(source, modules)}) imports {target} (floor {floor(target, modules)})"
        for source, targets in arrows(modules).items()
        for target in sorted(targets)
        if floor(target, modules) > floor(source, modules)
    ]


def circle(graph):
    """Modules that import each other, first = last; empty where there is none."""
    try:
        TopologicalSorter({name: targets - {name} for name, targets in graph.items()}).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def libraries(module, modules):
    """Top-level names of everything outside the package and the standard library that importing module brings in."""
    graph, todo, seen = arrows(modules), [module], set()
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            parents = {name.rpartition(".")[0]} if name else set()  # importing a module runs its package first
            todo += graph.get(name, set()) | parents
    found = {target.partition(".")[0] for name in seen for target in modules.get(name, ())}
    return found - {PACKAGE} - sys.stdlib_module_names


@pytest.fixture(scope="module")
def modules():
    return read_modules(ROOT)


def test_imports_point_down(modules):
    assert upward(modules) == []


def test_imports_make_no_circle(modules):
    assert circle(arrows(modules)) == []


@pytest.mark.parametrize("name", NUMPY_ALONE)
def test_numpy_alone(modules, name):
    if name not in modules:
        pytest.skip(f"there is no {name}")
    assert libraries(name, modules) <= {"numpy"}


def test_models_are_free_of_the_backend(modules):
    for name in modules:
        if unit(name) in BACKEND_FREE:
            assert not libraries(name, modules) & {"tensorflow", "jax", "torch"}, name


def test_only_the_command_line_reads_flags(modules):
    for name, imported in modules.items():
        if floor(name, modules) < FLOORS["cli"]:
            assert not {target for target in imported if target.startswith(("absl.flags", "absl.app"))}, name


def test_importing_the_package_loads_no_tensorflow():
    code = f"import sys, {PACKAGE}; sys.exit(bool({{'tensorflow', 'keras', 'absl'}} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def make_package(root, files):
    for name, text in files.items():
        path = root / PACKAGE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return read_modules(root)


def test_an_upward_arrow_is_seen(tmp_path):
    modules = make_package(
        tmp_path,
        {
            "__init__.py": "",
            "ops/__init__.py": "",
            "ops/mean.py": f"def f():\n    from {PACKAGE}.models import registry\n",
            "models/__init__.py": "",
            "models/registry.py": f"from {PACKAGE}.ops.mean import f\nimport tensorflow as tf\n",
        },
    )
    assert upward(modules) == ["ops.mean (floor 1) imports models.registry (floor 3)"]
    assert set(circle(arrows(modules))) == {"ops.mean", "models.registry"}
    assert libraries("ops.mean", modules) == {"tensorflow"}


def test_a_folder_without_a_floor_is_seen(tmp_path):
    modules = make_package(
        tmp_path, {"__init__.py": "", "new/__init__.py": "", "new/a.py": f"import {PACKAGE}.schema\n"}
    )
    with pytest.raises(AssertionError, match="new has no floor"):
        upward(modules)
