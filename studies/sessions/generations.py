"""Generations of a genetic session: bred when the one before is done, kept in the database.

A generation is one row of ``search_generations``: its points, and the state and parents that they
were bred from. So every process that reads it knows what the next one is, and what was bred is a
function of the session alone, however many workers there were and whenever they died.
"""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from search_spaces import SearchSpace
from search_spaces.errors import SpaceError
from studies.database import hyperparameter_tuning_results, in_batches, search_generations, utc_now
from studies.methods.genetic.options import GeneticOptions
from studies.methods.genetic.search import GeneticSearch
from studies.sessions.slots import Slots

__all__ = ["Generation", "Generations"]

_results = hyperparameter_tuning_results


@dataclass(frozen=True)
class Generation:
    """Points that are evaluated together.

    Attributes
    ----------
    number : int
    start : int
        Position of the first point in the session.
    points : ndarray of int64, shape (n_points,)
        Lattice indices.
    bred_from : dict
        State and parents (`GeneticSearch.snapshot`).
    """

    number: int
    start: int
    points: npt.NDArray[np.int64]
    bred_from: dict[str, Any]

    @property
    def stop(self) -> int:
        """Position after the last point."""
        return self.start + len(self.points)


class Generations:
    """The strategies of a genetic session in their order, as far as they are known.

    Parameters
    ----------
    engine : Engine
    session_id : str
    space : SearchSpace
    slots : Slots
        Budget, seed, and strategies to begin with.
    options : GeneticOptions
    directions : dict of str to str
    """

    def __init__(
        self,
        engine: Engine,
        session_id: str,
        space: SearchSpace,
        slots: Slots,
        options: GeneticOptions,
        directions: dict[str, str],
    ) -> None:
        self.size = slots.size
        self._engine = engine
        self._session_id = session_id
        self._space = space
        self._slots = slots
        self._options = options
        self._directions = directions
        self._known: list[Generation] = []
        self._search: GeneticSearch | None = None

    def indices(self, start: int = 0, stop: int | None = None) -> npt.NDArray[np.int64]:
        """Return the lattice indices at positions; all that are known by default.

        Raises
        ------
        SpaceError
            If the positions are not bred yet.
        """
        if stop is None or self._n_known < stop:
            self._read()
        stop = self._n_known if stop is None else stop
        if not 0 <= start <= stop <= self._n_known:
            raise SpaceError(
                f"positions of {self._session_id} need 0 <= start <= stop <= {self._n_known}, "
                f"which are bred so far; got {start=}, {stop=}"
            )
        members = [each for each in self._known if each.start < stop and each.stop > start]
        if not members:
            return np.empty(0, dtype=np.int64)
        points = np.concatenate([each.points for each in members])
        first = members[0].start
        return points[start - first : stop - first]

    def breed(self) -> Generation | None:
        """Breed the generation after the last one, all of whose results are recorded.

        Returns
        -------
        Generation or None
            None when the budget is spent.
        """
        self._read()
        if self._n_known >= self.size:
            return None
        search = self._search
        if not self._known:
            search = self._new_search()
        else:
            last = self._known[-1]
            if search is None or search.state.generation != last.number:
                tried = self.indices(0, last.start)
                search = self._new_search().restore(last.bred_from, tried)
            search.tell(last.points, self._values(last.points))
        self._search = search
        points = search.ask(self.size - self._n_known)
        if not len(points):
            return None
        return Generation(len(self._known), self._n_known, points, search.snapshot())

    def insert(self, connection: Connection, generation: Generation) -> None:
        """Write a generation in the caller's transaction."""
        connection.execute(
            search_generations.insert().values(
                session_id=self._session_id,
                generation=generation.number,
                position_start=generation.start,
                position_stop=generation.stop,
                points=json.dumps(generation.points.tolist()),
                bred_from=json.dumps(generation.bred_from),
                created_at=utc_now(),
            )
        )

    @property
    def _n_known(self) -> int:
        return self._known[-1].stop if self._known else 0

    def _new_search(self) -> GeneticSearch:
        return GeneticSearch(
            self._space,
            self._options,
            directions=tuple(self._directions.values()),
            seed=self._slots.seed,
            given=[self._space.index(self._space.parse(name)) for name in self._slots.warm_start],
        )

    def _read(self) -> None:
        """Read the generations that were bred since the last look."""
        query = (
            sa.select(search_generations)
            .where(
                search_generations.c.session_id == self._session_id,
                search_generations.c.generation >= len(self._known),
            )
            .order_by(search_generations.c.generation)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        for row in rows:
            points = np.array(json.loads(row.points), dtype=np.int64)
            self._known.append(
                Generation(row.generation, row.position_start, points, json.loads(row.bred_from))
            )

    def _values(self, points: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Read what points were worth, NaN for those that failed."""
        ids = self._space.strategy_ids(points)
        columns = [_results.c[name] for name in self._directions]
        own = sa.select(_results.c.strategy_id, *columns).where(
            _results.c.session_id == self._session_id
        )
        found: dict[str, Any] = {}
        with self._engine.connect() as connection:
            for some in in_batches(ids):
                rows = connection.execute(own.where(_results.c.strategy_id.in_(some)))
                found.update((row[0], row[1:]) for row in rows)
        values = np.full((len(points), len(columns)), np.nan)
        for place, name in enumerate(ids):
            if name in found and None not in found[name]:
                values[place] = found[name]
        return values
