"""The genetic search as an Optuna sampler."""

import dataclasses
import functools
import secrets
import threading
import weakref
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pydantic
from deap import tools
from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseGASampler, RandomSampler
from optuna.search_space import IntersectionSearchSpace
from optuna.trial import FrozenTrial, TrialState

from search_spaces import SearchSpace
from search_spaces.errors import ConfigError
from studies.methods.genetic.breeding import Breeder, BreedingState
from studies.methods.genetic.deap_tools import Individual
from studies.methods.genetic.genome import Genome
from studies.methods.genetic.options import GeneticOptions
from studies.methods.genetic.selection import select_survivors

__all__ = ["DeapSampler"]

_OFFSPRING = "DeapSampler:brood"
_SEED = "DeapSampler:seed"
_SPARE = 8
"""Children beyond two generations: trials that fail take some."""
_LINES_KEPT = 8
_UNDER_WAY = 4
"""Number of trials that may begin unseen while a generation is bred; what they took is left out."""


class DeapSampler(BaseGASampler):
    """A genetic algorithm of DEAP's operators.

    The population lives in the study: any number of processes may work on one study, each with
    a sampler of its own, and a study that was interrupted goes on. Whoever needs the first child
    of a generation breeds all of it, as a list of distinct new points kept in the study, and
    every trial takes the child at the place of its number. So workers agree without talking, no
    point is tried twice while there are new ones, and the same seed gives the same trials.

    Parameters
    ----------
    space : SearchSpace, optional
        What the objective suggests from. With it the search begins with a Sobol sequence, subsets
        are bits and constraints are obeyed. Without it the parameters are those that all finished
        trials have in common, and the first trials are random.
    seed : int, optional
        Give all workers of a study the same, or none: then the first one draws it for all.
    **options
        Fields of `GeneticOptions`: sizes, operators, rates.

    Raises
    ------
    ConfigError
        If an option is unknown or impossible.

    Notes
    -----
    Parameters outside the common space (conditional, or of changing ranges) are drawn at random.
    Trials that fail have no offspring. COMPLETE trials that others added to the study are parents
    of the first generation that has any. Where every point of the space was tried, points repeat;
    and one may where two workers breed the same generation at the very same instant.

    The methods of `BaseGASampler` tell the generation of a trial and the members and parents of
    a generation; one ends when `generation_size` of its trials are complete.

    Examples
    --------
    >>> import optuna
    >>> study = optuna.create_study(sampler=DeapSampler(seed=1))
    >>> study.optimize(lambda trial: trial.suggest_float("x", -5, 5) ** 2, n_trials=60)
    >>> study.best_value < 0.1
    True
    """

    def __init__(
        self, space: SearchSpace | None = None, *, seed: int | None = None, **options: Any
    ) -> None:
        try:
            self.options = GeneticOptions(**options)
        except pydantic.ValidationError as error:
            complaints = [
                f"{'.'.join(map(str, each['loc']))}: {each['msg']}, got {each['input']!r}"
                for each in error.errors()
            ]
            raise ConfigError(f"DeapSampler: {'; '.join(complaints)}") from None
        super().__init__(population_size=self.options.generation_size)
        self._space = space
        self._seed = seed
        self._lock = threading.Lock()
        # numbers of studies are those of one storage: two in memory are both number 0
        self._memories: weakref.WeakKeyDictionary[Any, dict[int, _Memory]]
        self._memories = weakref.WeakKeyDictionary()

    def __reduce__(self) -> tuple[Any, ...]:
        # beside the arguments everything is in the study
        make = functools.partial(type(self), seed=self._seed, **self.options.model_dump())
        return make, (self._space,)

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return the space given, or what the finished trials have in common."""
        return self._search_space(study)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the child that is the trial's."""
        generation = self.get_trial_generation(study, trial)
        if not search_space:
            return {}
        with self._lock:
            own = self._study_breeder(study, search_space)
            children = self._offspring(study, own, generation, trial.number)["children"]
        if not children:  # none was found that obeys the constraints
            return {
                name: self.sample_independent(study, trial, name, distribution)
                for name, distribution in search_space.items()
            }
        return own.params(children[trial.number % len(children)])

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Draw a value at random, by the seed, the trial's number and the parameter's name."""
        words = [self._seed_of(study), trial.number, *param_name.encode()]
        seed = int(np.random.SeedSequence(words).generate_state(1)[0])
        return RandomSampler(seed=seed).sample_independent(
            study, trial, param_name, param_distribution
        )

    def select_parent(self, study: Study, generation: int) -> list[FrozenTrial]:
        """Select the parents of a generation from the one before and its parents."""
        own = self._study_breeder(study, self._search_space(study))
        return [each.label for each in self._advance(study, own, generation)[1]]

    def hall_of_fame(self, study: Study, size: int = 10) -> list[FrozenTrial]:
        """Return the best trials of a study, each point once.

        Parameters
        ----------
        study : optuna.Study
        size : int
            How many at most; with several objectives the whole Pareto front is returned.

        Returns
        -------
        list of FrozenTrial
            Best first.

        Raises
        ------
        ConfigError
            If `size` is below 1.
        """
        if size < 1:
            raise ConfigError(f"a hall of fame has room for at least 1 trial, got {size=}")
        own = self._study_breeder(study, self._search_space(study))
        trials = study.get_trials(deepcopy=False)
        members = tools.HallOfFame(size) if len(study.directions) == 1 else tools.ParetoFront()
        members.update(self._individuals(own, trials))
        oldest_first = sorted(members, key=lambda each: each.label.number)  # as `best_trial` is
        best_first = sorted(oldest_first, key=lambda each: each.fitness, reverse=True)
        return [each.label for each in best_first]

    def _search_space(self, study: Study) -> dict[str, BaseDistribution]:
        known: Mapping[str, BaseDistribution]
        if self._space is None:
            known = self._memory(study).common.calculate(study)
        else:
            known = self._space.distributions
        return {name: each for name, each in known.items() if not each.single()}

    def _study_breeder(
        self, study: Study, search_space: Mapping[str, BaseDistribution]
    ) -> "_StudyBreeder":
        """Return what breeds in a search space; it is kept, for DEAP is slow to load."""
        breeders = self._memory(study).breeders
        mark = tuple(search_space.items())
        if mark not in breeders:
            if len(breeders) >= _LINES_KEPT:
                breeders.clear()
            genome = Genome.of_distributions(search_space)
            if self._space is not None:
                genome = Genome.of_space(self._space, search_space)
            directions = [direction.name.lower() for direction in study.directions]
            breeder = Breeder(genome, self.options, directions, self._seed_of(study))
            breeders[mark] = _StudyBreeder(dict(search_space), breeder)
        return breeders[mark]

    def _offspring(
        self, study: Study, own: "_StudyBreeder", generation: int, number: int
    ) -> dict[str, Any]:
        """Return the children of a generation; breed them if nobody has yet."""
        offspring = self._read(study, _OFFSPRING)
        if offspring is None or not self._serves(offspring, own, generation, number):
            own.see(study.get_trials(deepcopy=False))
            bred = self._breed(study, own, offspring, generation, number)
            # Another worker may have bred meanwhile, and trials have taken its children: then
            # they count. Two that get here at the same instant both write, and the last counts.
            offspring = self._read(study, _OFFSPRING)
            if offspring is None or not self._serves(offspring, own, generation, number):
                study._storage.set_study_system_attr(study._study_id, _OFFSPRING, bred)
                offspring = self._read(study, _OFFSPRING)
            assert offspring is not None
        return offspring

    def _serves(
        self, offspring: Mapping[str, Any], own: "_StudyBreeder", generation: int, number: int
    ) -> bool:
        """Whether a trial finds a child of its own among the offspring."""
        if offspring["generation"] < generation or offspring["names"] != list(own.search_space):
            return False
        return number - offspring["first"] < offspring["room"]

    def _breed(
        self,
        study: Study,
        own: "_StudyBreeder",
        offspring: Mapping[str, Any] | None,
        generation: int,
        number: int,
    ) -> dict[str, Any]:
        if offspring is not None and offspring["generation"] >= generation:
            # the same generation goes on: many of its trials failed, or the parameters changed
            state = BreedingState.from_dict(offspring["state"])
            generation = offspring["generation"]
        else:
            state = self._advance(study, own, generation)[0]
        parents = self._individuals(own, self.get_parent_population(study, generation))
        ranked = select_survivors([], parents, self.options, own.breeder.tools)
        # trials that began before the offspring were bred count back from its end
        reserve = own.n_running + _UNDER_WAY
        size = 2 * self.options.generation_size + _SPARE + 2 * reserve
        children: list[list[Any]] = []
        # where the space is nearly used up, what others may be trying; then what was tried
        for taken in (own.taken(offspring, reserve), own.taken(offspring, 0), set[Any]()):
            children = children or own.breeder.breed(state, ranked, taken, size)
        return {
            "generation": generation,
            "first": number,
            "room": len(children) - (reserve if len(children) == size else 0),
            "names": list(own.search_space),
            "state": state.to_dict(),
            "children": [own.internal(child) for child in children],
        }

    def _advance(
        self, study: Study, own: "_StudyBreeder", generation: int
    ) -> tuple[BreedingState, list[Individual]]:
        """Return the state and the parents of a generation, from the one before."""
        if generation == 0:
            return BreedingState.first(self.options), []
        if own.advanced is not None and own.advanced[0].generation == generation:
            return own.advanced  # for the state before, and now for the parents
        offspring = self._read(study, _OFFSPRING)
        state = dataclasses.replace(BreedingState.first(self.options), generation=generation - 1)
        if offspring is not None and offspring["generation"] == generation - 1:
            state = BreedingState.from_dict(offspring["state"])
        trials = study.get_trials(deepcopy=False)
        key = self._get_generation_key()
        members = [t for t in trials if t.system_attrs.get(key) == generation - 1]
        if generation == 1:
            members += [t for t in trials if key not in t.system_attrs]
        parents = self._individuals(own, self.get_parent_population(study, generation - 1))
        own.advanced = own.breeder.advance(
            state,
            select_survivors([], parents, self.options, own.breeder.tools),
            self._individuals(own, members),
            sum(trial.state.is_finished() for trial in members),
        )
        return own.advanced

    def _individuals(self, own: "_StudyBreeder", trials: Sequence[FrozenTrial]) -> list[Individual]:
        """Make individuals of the trials that are complete and have all parameters."""
        return [
            own.breeder.individual(own.breeder.genome.encode(trial.params), trial.values, trial)
            for trial in trials
            if trial.state == TrialState.COMPLETE and own.holds(trial)
        ]

    def _seed_of(self, study: Study) -> int:
        if self._seed is not None:
            return self._seed
        memory = self._memory(study)
        if memory.seed is None:
            if self._read(study, _SEED) is None:
                drawn = secrets.randbelow(2**32)
                study._storage.set_study_system_attr(study._study_id, _SEED, drawn)
            memory.seed = int(self._read(study, _SEED))
        return memory.seed

    def _memory(self, study: Study) -> "_Memory":
        studies = self._memories.setdefault(study._storage, {})
        return studies.setdefault(study._study_id, _Memory())

    def _read(self, study: Study, key: str) -> Any:
        return study._storage.get_study_system_attrs(study._study_id).get(key)


@dataclasses.dataclass
class _Memory:
    """What a sampler remembers of one study; all of it could be read again."""

    common: IntersectionSearchSpace = dataclasses.field(default_factory=IntersectionSearchSpace)
    seed: int | None = None
    breeders: dict[Any, "_StudyBreeder"] = dataclasses.field(default_factory=dict)


class _StudyBreeder:
    """What breeds in one search space, and the points of it that were tried."""

    def __init__(self, search_space: dict[str, BaseDistribution], breeder: Breeder) -> None:
        self.search_space = search_space
        self.breeder = breeder
        self.advanced: tuple[BreedingState, list[Individual]] | None = None
        self._keys: dict[int, Any] = {}
        self._waiting: list[int] = []
        self.n_running = 0
        self._newest = 0

    def holds(self, trial: FrozenTrial) -> bool:
        """Whether a trial has all parameters, from the same distributions."""
        known = trial.distributions
        return all(known.get(name) == each for name, each in self.search_space.items())

    def see(self, trials: Sequence[FrozenTrial]) -> None:
        """Note what was tried; trials that have begun and suggested nothing yet are waiting."""
        self._waiting = []
        for trial in trials:
            if trial.number in self._keys:
                continue
            if self.holds(trial):
                written = self.breeder.genome.encode(trial.params)
                self._keys[trial.number] = self.breeder.key(written)
            elif not trial.state.is_finished():
                self._waiting.append(trial.number)
        self._newest = len(trials)
        self.n_running = sum(not trial.state.is_finished() for trial in trials)

    def taken(self, offspring: Mapping[str, Any] | None, n_unseen: int) -> set[Any]:
        """Keys of what was tried, and of what others take from the offspring before.

        Those are the trials that wait, and as many as `n_unseen` that may have begun since.
        """
        taken = set(self._keys.values())
        if (
            offspring is not None
            and offspring["names"] == list(self.search_space)
            and offspring["children"]
        ):
            unseen = range(self._newest, self._newest + n_unseen)
            for number in [*self._waiting, *unseen]:
                internal = offspring["children"][number % len(offspring["children"])]
                taken.add(self.breeder.key(self.breeder.genome.encode(self.params(internal))))
        return taken

    def internal(self, written: Sequence[Any]) -> list[float]:
        """Return a point as Optuna stores it, in the order of the search space."""
        params = self.breeder.genome.decode(written)
        return [each.to_internal_repr(params[name]) for name, each in self.search_space.items()]

    def params(self, internal: Sequence[float]) -> dict[str, Any]:
        """Return a point by name from what `internal` returned."""
        return {
            name: each.to_external_repr(value)
            for (name, each), value in zip(self.search_space.items(), internal, strict=True)
        }
