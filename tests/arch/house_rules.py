"""The rules of the house that no linter knows, as functions from one parsed module to its faults.

Owns the rules, their bounds and the words of each complaint. It must not know which files exist or
which rule applies where: `test_tidy` decides that, and proves on samples that each rule bites.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

FUNCTION_LINES_MAX: Final = 60
MODULE_LINES_MAX: Final = 600
LINE_CHARACTERS_MAX: Final = 100

BANNED_WORDS: Final = frozenset(
    {
        "manager",
        "managers",
        "helper",
        "helpers",
        "util",
        "utils",
        "common",
        "misc",
        "data",
        "info",
        "impl",
        "do",
    }
)
# A service gives out a handle, and nothing handles: the noun is welcome, the verb says nothing.
BANNED_VERBS: Final = frozenset({"handle"})

# What `--data` names is called that in the documents and on the command line.
_SPOKEN: Final = re.compile("data_(folder|file)|Data(Folder|File)")
_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_OPEN_MARK: Final = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b(\(#\d+\))?")
_FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Module:
    """One source file: where it lies (relative to the repository) and what it says."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """The module's syntax."""
        return ast.parse(self.text, self.path)

    @cached_property
    def lines(self) -> list[str]:
        """The module's lines, without their ends."""
        return self.text.splitlines()

    def fault(self, line: int, words: str) -> str:
        """Return a complaint that an editor can jump to."""
        return f"{self.path}:{line}: {words}"


# ------------------------------------------------------------------------------------ size and form
def module_length(module: Module) -> Iterator[str]:
    """A module fits a reader's head."""
    if len(module.lines) > MODULE_LINES_MAX:
        yield module.fault(1, f"{len(module.lines)} lines; at most {MODULE_LINES_MAX}")


def line_length(module: Module) -> Iterator[str]:
    """A line fits a half screen."""
    for number, line in enumerate(module.lines, start=1):
        if len(line) > LINE_CHARACTERS_MAX:
            yield module.fault(number, f"{len(line)} characters; at most {LINE_CHARACTERS_MAX}")


def function_length(module: Module) -> Iterator[str]:
    """A function fits a screen."""
    for node in ast.walk(module.tree):
        if isinstance(node, _FUNCTIONS):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                yield module.fault(
                    node.lineno, f"{node.name}: {lines} lines; at most {FUNCTION_LINES_MAX}"
                )


def module_docstring(module: Module) -> Iterator[str]:
    """A module says what it owns; an empty `__init__` owns nothing."""
    if module.tree.body and not ast.get_docstring(module.tree):
        yield module.fault(1, "no module docstring; say what it owns and what it must not know")


def public_docstrings(module: Module) -> Iterator[str]:
    """Public functions and classes say what they own, which units they use, what they raise."""
    for node in _public_definitions(module.tree.body):
        if not ast.get_docstring(node) and not _is_overload(node):
            yield module.fault(node.lineno, f"{node.name} is public and has no docstring")


def _public_definitions(
    body: list[ast.stmt],
) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    for node in body:
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)) and not node.name.startswith("_"):
            yield node
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from _public_definitions(node.body)


def _is_overload(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    return any("overload" in ast.unparse(decorator) for decorator in node.decorator_list)


# -------------------------------------------------------------------------------------------- names
def banned_names(module: Module, api_names: frozenset[str] = frozenset()) -> Iterator[str]:
    """No name that would fit anything; `api_names` are the protocol's own and may stay."""
    stem = module.path.rsplit("/", 1)[-1].removesuffix(".py")
    folders = module.path.split("/")[:-1]
    names = [(1, name) for name in (*folders, stem)]
    names += [(line, name) for line, name, _ in _defined_names(module.tree)]
    for line, name in names:
        if name.lstrip("_") in api_names:
            continue
        words = [word.lower() for word in _WORDS.findall(_SPOKEN.sub("", name))]
        for word in sorted(BANNED_WORDS.intersection(words)):
            yield module.fault(line, f"{name!r} says {word!r}, which says nothing")
    for line, name, is_function in _defined_names(module.tree):
        verb = name.lstrip("_").split("_")[0]
        if is_function and verb in BANNED_VERBS:
            yield module.fault(line, f"{name!r}: {verb!r} is no verb here; say what happens")


def _defined_names(tree: ast.Module) -> Iterator[tuple[int, str, bool]]:
    """Yield line, name and "is a function" of everything that the module names itself."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield node.lineno, node.name, True
            case ast.ClassDef():
                yield node.lineno, node.name, False
            case ast.arg(arg=name):
                yield node.lineno, name, False
            case ast.Name(id=name, ctx=ast.Store()):
                yield node.lineno, name, False
            case _:
                pass


# ------------------------------------------------------------------------------------------ honesty
def open_marks(module: Module) -> Iterator[str]:
    """A mark for later names its issue, or it is forgotten."""
    for token in tokenize.generate_tokens(io.StringIO(module.text).readline):
        if token.type == tokenize.COMMENT:
            for mark, issue in _OPEN_MARK.findall(token.string):
                if mark != "TODO" or not issue:
                    yield module.fault(token.start[0], f"{mark}: finish it, or write TODO(#issue)")


def no_assert(module: Module) -> Iterator[str]:
    """`assert` vanishes under -O; `invariant` stays."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Assert):
            yield module.fault(node.lineno, "assert in the product; use invariant()")


def no_unfinished(module: Module) -> Iterator[str]:
    """What is not built is absent, or answers UNIMPLEMENTED by its name."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Name) and node.id == "NotImplementedError":
            yield module.fault(node.lineno, "NotImplementedError: build it, or leave it out")


def no_dataclass(module: Module) -> Iterator[str]:
    """Making one compiles code: 0.4 ms at each start, where a `msgspec.Struct` takes 0.01."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom) and node.module == "dataclasses":
            if any(alias.name == "dataclass" for alias in node.names):
                yield module.fault(node.lineno, "a dataclass; make it a msgspec.Struct")
        elif isinstance(node, ast.Import) and "dataclasses" in _imported_modules(node):
            yield module.fault(node.lineno, "a dataclass? make it a msgspec.Struct")


def only_api_messages(module: Module) -> Iterator[str]:
    """The server takes the generated messages from the SDK's package and nothing else."""
    for node in ast.walk(module.tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for name in _imported_modules(node):
                if name.split(".")[0] == "temporalio" and name.split(".")[1:2] != ["api"]:
                    yield module.fault(node.lineno, f"imports {name}; only temporalio.api is ours")


def _imported_modules(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if node.module == "temporalio":
        return [f"temporalio.{alias.name}" for alias in node.names]
    return [node.module or ""]
