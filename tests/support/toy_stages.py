"""Stages that do nothing but write down what they were asked for."""

from factory.context.plan import Plan
from factory.context.stage import Stage, Step
from factory.errors import InputError
from factory.store.store import Store

RAN: list[tuple[str, str]] = []


class Toy(Stage):
    """Owes two steps one after the other, then one of another stage."""

    name = "toy"

    def owed(self, plan: Plan, store: Store, *, worked: bool) -> list[Step]:
        """Return what follows from the last step."""
        last = RAN[-1][1] if RAN else ""
        following = {"": ("toy", "first"), "first": ("toy", "second"), "second": ("other", "third")}
        return [Step(*following[last])] if last in following else []

    def run(self, plan: Plan, store: Store, detail: str) -> str:
        """Write it down."""
        RAN.append((self.name, detail))
        return f"{detail} done"


class Other(Toy):
    """Always owes the same: what it waits for does not come."""

    name = "other"

    def owed(self, plan: Plan, store: Store, *, worked: bool) -> list[Step]:
        """Return the step that never helps."""
        return [Step(self.name, "waits" if worked else "alone")]


class Needs(Other):
    """Needs a part that the recipe does not have."""

    name = "needs"
    needs = ("student",)

    def preflight(self, plan: Plan) -> None:
        """Fail: nobody should ask."""
        raise InputError("asked for what the recipe lacks")


class Child(Other):
    """Runs in a child process."""

    name = "child"
    environment = {"TOY": "1"}
