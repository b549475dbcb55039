"""What `import terkirim` offers: the same names to people, to programs and to type checkers."""

import ast
from pathlib import Path

import pytest

import terkirim
from terkirim import settings

PACKAGES = [terkirim, settings]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda one: one.__name__)
def test_every_public_name_is_there(package):
    assert [name for name in package.__all__ if not hasattr(package, name)] == []


@pytest.mark.parametrize("package", PACKAGES, ids=lambda one: one.__name__)
def test_a_type_checker_sees_the_same_names(package):
    stub = ast.parse(Path(package.__file__).with_suffix(".pyi").read_text("utf-8"))
    told = {
        (alias.asname, node.module)
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert {name for name, _ in told} == set(package.__all__)
    assert told - {("__version__", "terkirim.domain.version")} == set(package._HOME.items())


@pytest.mark.parametrize("package", PACKAGES, ids=lambda one: one.__name__)
def test_a_name_that_is_not_there_is_named(package):
    with pytest.raises(AttributeError, match="no attribute 'Cilent'"):
        _ = package.Cilent
