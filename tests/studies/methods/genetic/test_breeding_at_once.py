"""Two workers that breed the same generation at the same moment."""

import optuna

from search_spaces import Choice, SearchSpace
from studies import DeapSampler
from studies.methods.genetic import sampler as sampler_module

SPACE = SearchSpace([Choice(name, tuple(range(10))) for name in "ab"])


def test_children_that_others_bred_meanwhile_count(monkeypatch):
    study = optuna.create_study(sampler=DeapSampler(SPACE, seed=1))
    other = optuna.load_study(
        study_name=study.study_name, storage=study._storage, sampler=DeapSampler(SPACE, seed=1)
    )
    breed = DeapSampler._breed
    told = {}

    def slow(sampler, *arguments):
        bred = breed(sampler, *arguments)
        if sampler is study.sampler and not told:
            # while this worker breeds, the other one does so too, and uses what it bred
            told["point"] = SPACE.suggest(other.ask())
            told["brood"] = other._storage.get_study_system_attrs(other._study_id)
        return bred

    monkeypatch.setattr(DeapSampler, "_breed", slow)
    SPACE.suggest(study.ask())
    attributes = study._storage.get_study_system_attrs(study._study_id)
    key = sampler_module._OFFSPRING
    assert attributes[key] == told["brood"][key]
    points = [tuple(SPACE.suggest(study.ask()).values()) for _ in range(20)]
    assert tuple(told["point"].values()) not in points
    assert len(set(points)) == 20
