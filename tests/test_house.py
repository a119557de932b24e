"""The house rules that a program can check: file and function sizes, imports, what is committed."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("app", "engine", "training", "tests")


def _sources() -> list[Path]:
    return [ROOT / "main.py", *(path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py")))]


def _functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_no_file_is_longer_than_400_lines() -> None:
    long = {str(path.relative_to(ROOT)): n for path in _sources() if (n := len(path.read_text().splitlines())) > 400}
    assert not long


def test_no_function_is_longer_than_60_lines() -> None:
    long = [
        f"{path.relative_to(ROOT)}:{node.name}"
        for path in _sources()
        for node in _functions(path)
        if (node.end_lineno or 0) - node.lineno >= 60
    ]
    assert not long


def _public(path: Path) -> Iterator[ast.FunctionDef | ast.ClassDef]:
    """Functions and classes of a module, and the methods of its classes; Qt's own camelCase overrides left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    for node in (*tree.body, *(member for one in classes for member in one.body)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            is_override = isinstance(node, ast.FunctionDef) and node.name != node.name.lower()
            if not is_override:
                yield node


def test_every_public_function_and_class_says_what_it_is() -> None:
    silent = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in _sources()
        if "tests" not in path.relative_to(ROOT).parts
        for node in _public(path)
        if not ast.get_docstring(node)
    ]
    assert not silent


def test_committed_files_are_small_and_weights_fit_their_limit() -> None:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listing.returncode:
        pytest.skip("this is not a git checkout, so there is no list of committed files")
    paths = [ROOT / name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()]
    big = {str(path.relative_to(ROOT)): path.stat().st_size for path in paths if path.stat().st_size > 2_000_000}
    assert set(big) <= {"resources/model/model.safetensors"}
    assert all(size <= 12_000_000 for size in big.values())


@pytest.mark.parametrize("module", ["app.application", "engine.reasoning.host", "engine.ct.load"])
def test_the_window_side_never_imports_torch(module: str) -> None:
    code = f"import sys, {module}; sys.exit(any(m in sys.modules for m in ('torch', 'transformers')))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_the_engine_needs_no_qt_and_no_vtk() -> None:
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in sorted((ROOT / "engine").rglob("*.py"))
        if path.name != "__init__.py" and "import torch" not in path.read_text(encoding="utf-8")
    ]
    code = f"import sys, {', '.join(modules)}; sys.exit(any(m in sys.modules for m in ('PySide6', 'vtkmodules')))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
