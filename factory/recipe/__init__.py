"""The recipe room: what a person asks for, read from YAML, checked as one, and never changed afterwards."""

from factory.recipe.load import LoadedRecipe, load_recipe
from factory.recipe.model import Recipe

__all__ = ["LoadedRecipe", "Recipe", "load_recipe"]
