"""The kind `label`: a text, and which of a few labels it has."""

from factory.tasks.label.kind import Label

KIND = Label()
