"""What a server leaves out while it starts.

Owns detours around imports that cost a third of the start-up time and that a server never uses.
SDKs wait for our dev server, so the time counts. To be called before anything imports the packages
concerned.
"""

import importlib.util
import sys
from typing import Final

_SDK: Final = "temporalio"
_GENERATED_SERVICES: Final = (
    "temporalio.api.workflowservice.v1",
    "temporalio.api.operatorservice.v1",
    "temporalio.api.testservice.v1",
)


def lighten_imports() -> None:
    """Take all detours. Calling it twice, or too late, does nothing."""
    _defer_sdk()
    # structlog draws tracebacks with rich, and imports it and half of pygments for that at once:
    # 0.06 s. Our tracebacks are plain, for terminals and log files alike.
    _import_without("rich", "structlog")
    # The generated services bring stubs if the gRPC library is about: 0.02 s and 9 MB.
    _import_without("grpc", *_GENERATED_SERVICES)


def _defer_sdk() -> None:
    # `temporalio/__init__` imports the SDK's client and its native core to know its own version:
    # 0.1 s and several MB, where a server wants nothing but `temporalio.api`. Until somebody asks
    # the package for an attribute, a module that merely knows where its parts lie stands in.
    if _SDK in sys.modules:
        return
    spec = importlib.util.find_spec(_SDK)
    if spec is None or spec.loader is None:
        return  # The import that follows says so better than we could.
    module = importlib.util.module_from_spec(spec)
    loader = spec.loader

    def load_attribute(name: str) -> object:
        del module.__dict__["__getattr__"]
        loader.exec_module(module)
        return getattr(module, name)

    module.__dict__["__getattr__"] = load_attribute
    sys.modules[_SDK] = module


def _import_without(unwanted: str, *wanted: str) -> None:
    # They take `unwanted` if they find it, and can do without.
    if unwanted in sys.modules or any(name in sys.modules for name in wanted):
        return
    # None blocks an import, which the dictionary's type does not tell.
    sys.modules[unwanted] = None  # pyright: ignore[reportArgumentType]
    try:
        for name in wanted:
            importlib.import_module(name)
    finally:
        del sys.modules[unwanted]
