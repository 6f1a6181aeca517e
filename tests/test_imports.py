"""The package's floors: imports only point down, never in a circle, and some folders keep to few libraries."""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "yt8m_attention"

# The folders of the package from the ground up: a folder imports only from those before it, and each has a floor of its
# own. "" holds the modules of the top level that are no command. Any other module there is a command, and so is a
# folder's __main__ (a command that shares its name with a folder).
FLOORS = (
    "", "config", "ops", "metrics", "losses", "layers", "models",
    "data.storage", "data.formats", "data", "synthesis",
    "runtime", "runs", "inference", "localization", "evaluation", "ensembling", "export", "training", "reports",
    "cli",
)  # fmt: skip
COMMAND_FLOOR = len(FLOORS)
GROUND = {"", "aliases", "errors", "file_lock", "files", "progress", "schema"}

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


def folder(module, modules):
    """The folder that a module is in, "data.storage"; for a command "command"."""
    if module.endswith("__main__"):
        return "command"
    if module in GROUND:
        return ""
    found = module if any(name.startswith(f"{module}.") for name in modules) else module.rpartition(".")[0]
    return found or (module if module in FLOORS else "command")


def unit(module):
    return module.partition(".")[0]


def floor(module, modules):
    found = folder(module, modules)
    if found == "command":
        return COMMAND_FLOOR
    assert found in FLOORS, f"{PACKAGE}/{found.replace('.', '/')} has no floor: give it one in FLOORS"
    return FLOORS.index(found)


def folder_arrows(modules):
    """{folder: set of the folders that its modules import from}."""
    found = {}
    for source, targets in arrows(modules).items():
        own = folder(source, modules)
        found.setdefault(own, set()).update({folder(target, modules) for target in targets} - {own})
    return found


def upward(modules):
    return [
        f"{source} imports {target}, which is above it"
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


def test_folders_make_no_circle(modules):
    assert circle(folder_arrows(modules)) == []


def test_no_folder_is_crowded(modules):
    """About 15 files each; layers and models hold one class a file, however many."""
    for name in set(FLOORS) - {"", "layers", "models"}:
        files = [m for m in modules if folder(m, modules) == name and m != name]
        assert len(files) <= 16, (name, sorted(files))


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
        if floor(name, modules) < FLOORS.index("cli"):
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
    assert upward(modules) == ["ops.mean imports models.registry, which is above it"]
    assert set(circle(arrows(modules))) == {"ops.mean", "models.registry"}
    assert libraries("ops.mean", modules) == {"tensorflow"}


def test_a_circle_of_folders_is_seen(tmp_path):
    files = {
        "data/__init__.py": "",
        "data/a.py": f"import {PACKAGE}.data.formats.b\n",
        "data/c.py": "",
        "data/formats/__init__.py": "",
        "data/formats/b.py": f"import {PACKAGE}.data.c\n",
    }
    modules = make_package(tmp_path, {"__init__.py": ""} | files)
    assert circle(arrows(modules)) == []
    assert set(circle(folder_arrows(modules))) == {"data", "data.formats"}
    assert upward(modules) == ["data.formats.b imports data.c, which is above it"]


def test_a_folder_without_a_floor_is_seen(tmp_path):
    modules = make_package(
        tmp_path, {"__init__.py": "", "new/__init__.py": "", "new/a.py": f"import {PACKAGE}.schema\n"}
    )
    with pytest.raises(AssertionError, match="new has no floor"):
        upward(modules)
