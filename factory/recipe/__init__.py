"""The recipe room: what a person asks for, read from YAML, checked as one, and never changed afterwards."""

from factory.recipe.load import load_recipe
from factory.recipe.model import Recipe

__all__ = ["Recipe", "load_recipe"]
