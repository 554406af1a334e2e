"""The three kinds of session obey one contract."""

from studies import Session
from tests.helpers.sessions import make_config
from tests.studies.workers.session_contract import SessionContract

GENETIC = {
    "initial_size": 8,
    "generation_size": 5,
    "population_size": 6,
    "restart_after": 5,
    "restart_size": 6,
}


class TestPlanned(SessionContract):
    def create(self, url, size):
        config = make_config(url, execution={"chunk_size": 5})
        return Session.create(config, method="sobol", size=size, seed=2)


class TestGenerational(SessionContract):
    def create(self, url, size):
        config = make_config(url, methods={"genetic": GENETIC}, execution={"chunk_size": 3})
        return Session.create(config, method="genetic", size=size, seed=3)


class TestAdaptive(SessionContract):
    adaptive = True

    def create(self, url, size):
        return Session.create(make_config(url), method="tpe", size=size, seed=1)
