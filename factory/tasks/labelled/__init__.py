"""The kind `labelled`: conversations that people, or a model in use, wrote."""

from factory.tasks.labelled.kind import Labelled

KIND = Labelled()
