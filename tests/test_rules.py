"""The rules that keep companion small, readable and without side effects."""

import ast
import importlib
import inspect
import pkgutil
import re
import statistics
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

import companion
from companion.landscapes import LANDSCAPES

FOLDER = Path(companion.__file__).parent
FILES = sorted(FOLDER.glob("*.py"))
MODULES = [module.name for module in pkgutil.iter_modules([str(FOLDER)])]
PUBLIC_MODULES = [name for name in MODULES if not name.startswith("_")]

each_file = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def test_everything_is_looked_at():
    assert {"layers", "training", "plots"} < set(PUBLIC_MODULES)


# What each module may import: of companion, and of others beside NumPy and the standard library.
ALLOWED = {
    "__init__": "",
    "_checks": "",
    "_files": "",
    "gradients": "_checks",
    "landscapes": "_checks scipy",
    "optimizers": "_checks",
    "schedules": "_checks",
    "initializers": "_checks",
    "layers": "_checks initializers scipy",
    "losses": "_checks scipy",
    "network": "_checks _files initializers layers",
    "data": "_checks",
    "callbacks": "_checks tqdm",
    "training": "_checks callbacks data layers losses network optimizers",
    "plots": "contourpy landscapes matplotlib scipy",
    "checkpoints": "_checks _files callbacks",
    "trial_log": "filelock",
    "search": "_checks callbacks trial_log",
    "bayes": "_checks scipy",
    "estimator": "initializers losses network optimizers sklearn training",
    "coursework": "_checks",
}


def imports(file):
    """Return the modules that a file imports; those of companion by their last name."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.removeprefix("companion.") for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            if node.module == "companion":
                found |= {alias.name for alias in node.names}
            else:
                found.add(node.module.removeprefix("companion."))
    return {name.partition(".")[0] for name in found}


@each_file
def test_dependency_rule(file):
    allowed = {"numpy", *ALLOWED[file.stem].split()} | sys.stdlib_module_names
    assert imports(file) <= allowed


def test_dependencies_point_one_way():
    """In the order of the table, no module imports one that stands below it."""
    order = {"__init__": [], "_checks": [], "_files": []}
    remaining = {
        file.stem: imports(file) & set(MODULES) for file in FILES if file.stem not in order
    }
    while remaining:
        leaves = [name for name, needed in remaining.items() if needed <= set(order)]
        assert leaves, f"a circle among {sorted(remaining)}"
        order |= {leaf: remaining.pop(leaf) for leaf in leaves}


def run_python(program):
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_importing_companion_changes_no_global_state():
    program = f"""
import importlib, warnings
import matplotlib.pyplot, numpy as np, scipy.optimize, scipy.stats, sklearn.base, tqdm

def state():
    generator = np.random.get_state()
    return repr((
        generator[0], generator[1].tolist(), generator[2:], np.geterr(), np.get_printoptions(),
        warnings.filters, dict(matplotlib.rcParams), matplotlib.get_backend(auto_select=False),
    ))

before = state()
for name in {PUBLIC_MODULES}:
    importlib.import_module("companion." + name)
assert state() == before
np.random.seed(1)  # the comparison sees a change
assert state() != before
"""
    run_python(program)


def test_matplotlib_is_loaded_for_figures_only():
    modules = [name for name in PUBLIC_MODULES if name != "plots"]
    program = f"""
import importlib, sys
for name in {modules}:
    importlib.import_module("companion." + name)
print("matplotlib" in sys.modules)
"""
    assert run_python(program) == "False\n"


@each_file
def test_nothing_uses_a_global_generator(file):
    tree = ast.parse(file.read_text())
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and ast.unparse(node.value) in ("np.random", "numpy.random")
    }
    assert used <= {"Generator", "default_rng"}
    assert "random" not in imports(file)


def test_companion_stays_small():
    """What trains under 2,000 lines, docstrings included; what no module needs, under 300 each."""
    files = [file for file in FILES if file.stem != "__init__"]  # the table of contents
    lines = {file.stem: len(file.read_text().splitlines()) for file in files}
    leaves = {"plots", "checkpoints", "search", "trial_log", "bayes", "estimator", "coursework"}
    needed = set().union(*(imports(file) for file in FILES))
    assert leaves & needed <= {"trial_log"}
    assert max(lines[name] for name in leaves) < 300
    assert sum(lines.values()) - sum(lines[name] for name in leaves) < 2000


def functions(file):
    """Yield each function of a file with its number of code lines, docstring and comments aside."""
    with tokenize.open(file) as text:
        tokens = list(tokenize.generate_tokens(text.readline))
    no_code = {
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENDMARKER,
    }
    code = set()
    for token in tokens:
        if token.type not in no_code:
            code |= set(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            begin = body[0].lineno if body else node.end_lineno + 1
            lines = range(begin, node.end_lineno + 1)
            yield f"{file.stem}.{node.name}", sum(line in code for line in lines)


def test_functions_are_short():
    """Lines of code in the body; a function that is nothing but its docstring counts 0."""
    lengths = dict(length for file in FILES for length in functions(file))
    assert statistics.median(lengths.values()) <= 6
    assert {name: length for name, length in lengths.items() if length > 30} == {}


def public_objects():
    """Yield (name, object, module) for every public module, class, function and method."""
    for module_name in PUBLIC_MODULES:
        module = importlib.import_module(f"companion.{module_name}")
        yield module_name, module, module
        for name, thing in vars(module).items():
            if name.startswith("_") or getattr(thing, "__module__", None) != module.__name__:
                continue
            if inspect.isclass(thing) or inspect.isfunction(thing):
                yield f"{module_name}.{name}", thing, module
            if inspect.isclass(thing):
                for member, method in inspect.getmembers(thing):
                    if member.startswith("_") or not (
                        inspect.isfunction(method) or isinstance(method, property)
                    ):
                        continue
                    if getattr(method, "__module__", thing.__module__) != thing.__module__:
                        continue  # put there by scikit-learn
                    yield f"{module_name}.{name}.{member}", method, module


PUBLIC = {name: (thing, module) for name, thing, module in public_objects()}


def docstring(name):
    """Return the docstring of a public object; a method without one has the overridden one's."""
    thing, module = PUBLIC[name]
    parts = name.split(".")
    if len(parts) == 3:
        thing = getattr(getattr(module, parts[1]), parts[2])
        for ancestor in getattr(module, parts[1]).__mro__:
            if found := getattr(ancestor.__dict__.get(parts[2]), "__doc__", None):
                return inspect.cleandoc(found)
        return ""
    return inspect.cleandoc(thing.__doc__ or "")


def test_public_things_have_a_docstring():
    """One sentence first: it starts with a capital, ends with a full stop, a blank line follows."""
    first = {name: docstring(name).split("\n\n")[0] for name in PUBLIC}
    good = re.compile(r"[A-Z`(].*[.?:]$", re.DOTALL)
    bad = {name: line for name, line in first.items() if not good.match(line)}
    assert not bad, "\n".join(f"{name}: {line!r}" for name, line in bad.items())


# What a module's own docstring explains once for all of its functions.
EXPLAINED_BY_THE_MODULE = {
    "initializers": {"shape", "rng"},
    "losses": {"outputs"},
    "optimizers": {"lr", "momentum", "decay", "beta1", "beta2", "eps", "weight_decay"},
    "plots": {"ax", "label", "color"},
    "schedules": {"step"},
    "estimator": {"hidden", "optimizer", "lr", "weight_decay", "initializer", "batch_norm"}
    | {"dropout", "epochs", "batch_size", "random_state"},
}


def parameters(thing):
    """Return the names of what a caller passes."""
    if not inspect.isfunction(thing) and not inspect.isclass(thing):
        return []
    if inspect.isclass(thing) and issubclass(thing, Exception):
        return []
    return [
        name
        for name in inspect.signature(thing).parameters
        if name not in ("self", "args", "kwargs")
    ]


CALLABLES = [name for name in PUBLIC if parameters(PUBLIC[name][0])]


def undocumented(name):
    """Return the parameters that neither the docstring nor that of the class names.

    A numpydoc section must list them all, each at the start of a line.
    """
    text, (thing, module) = docstring(name), PUBLIC[name]
    names = set(parameters(thing)) - EXPLAINED_BY_THE_MODULE.get(name.partition(".")[0], set())
    for section in ("Parameters\n---", "Attributes\n---"):
        if section in text:
            pattern, text = r"^\W*(\w+, )*\**{}\b", text.partition(section)[2]
            break
    else:
        pattern, owner = r"\b{}\b", getattr(module, name.split(".")[1])
        text += "".join(base.__doc__ or "" for base in getattr(owner, "__mro__", ())[:-1])
    return [each for each in names if not re.search(pattern.format(each), text, re.MULTILINE)]


def test_parameters_are_documented():
    missing = {name: names for name in CALLABLES if (names := undocumented(name))}
    assert not missing, "\n".join(f"{name}: {names}" for name, names in missing.items())


KEY = re.compile(r"\b[a-z]+(?:19|20)\d\d[a-z]*\b")


def test_every_cited_key_is_in_the_bibliography():
    bibliography = (FOLDER.parent / "references.bib").read_text()
    known = set(re.findall(r"^@\w+\{\s*([^,\s]+)", bibliography, re.MULTILINE))
    cited = {key for file in FILES for key in KEY.findall(file.read_text())}
    cited |= {landscape.source for landscape in LANDSCAPES}
    assert len(cited) > 15
    assert cited - known == set()
