"""An objective that does one thing differently from another."""

from objectives import Objective


class WrappedObjective:
    """Everything as the objective inside, but for what a subclass overrides."""

    def __init__(self, objective: Objective) -> None:
        self.objective = objective

    def __getattr__(self, name: str) -> object:
        return getattr(self.objective, name)
