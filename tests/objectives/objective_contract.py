"""What every objective promises: subclass `ObjectiveContract` and give it a maker."""

import copy
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import optuna
import pytest

from objectives import Objective
from search_spaces import FactorSpace

ROOT = Path(__file__).parents[2]


def assert_same(one, other):
    np.testing.assert_array_equal(one.values, other.values)
    np.testing.assert_array_equal(one.objective, other.objective)
    assert one.failure == other.failure
    assert one.names == other.names


class ObjectiveContract:
    """Tests of the interface.

    A subclass gives `make`; its strategies should include failed ones.
    """

    def make(self, seed: int = 0) -> Objective:
        """Make the objective, on other data for another seed; the same in every process."""
        raise NotImplementedError

    @pytest.fixture
    def objective(self):
        return self.make()

    @pytest.fixture
    def points(self, objective):
        n = objective.space.size
        return np.arange(n)[:: max(1, n // 40)]

    def test_a_batch_has_a_row_for_each_point(self, objective, points):
        for some in (points, points[:1], points[:0]):
            batch = objective.evaluate(some)
            assert len(batch) == len(some)
            assert batch.values.shape == (len(some), len(batch.names))
            assert batch.objective.shape == (len(some), len(objective.directions))

    def test_names_match_the_values(self, objective, points):
        batch = objective.evaluate(points)
        assert batch.names == objective.names
        assert len(set(objective.names)) == len(objective.names)
        good = [failure is None for failure in batch.failure]
        assert any(good)
        for column, (name, direction) in enumerate(objective.directions.items()):
            assert direction in ("maximize", "minimize")
            np.testing.assert_array_equal(batch.metrics[name][good], batch.objective[good, column])

    def test_order_and_grouping_change_nothing(self, objective, points):
        whole = objective.evaluate(points)
        order = np.random.default_rng(0).permutation(len(points))
        fresh = self.make()
        for part in np.array_split(order, 3):
            batch = fresh.evaluate(points[part])
            np.testing.assert_array_equal(batch.values, whole.values[part])
            np.testing.assert_array_equal(batch.objective, whole.objective[part])
            assert batch.failure == tuple(whole.failure[i] for i in part)

    def test_indices_and_parameters_are_the_same_points(self, objective, points):
        params = objective.space.params_list(points)
        kept = copy.deepcopy(params)
        assert_same(objective.evaluate(params), objective.evaluate(points))
        assert_same(objective.evaluate(points.tolist()), objective.evaluate(points))
        assert params == kept

    def test_a_failed_strategy_has_no_objective(self, objective, points):
        batch = objective.evaluate(points)
        failed = np.array([failure is not None for failure in batch.failure])
        assert failed.any(), "give the contract a strategy that fails"
        assert np.isnan(batch.objective[failed]).all()
        assert np.isfinite(batch.objective[~failed]).all()
        assert all(failure is None or failure for failure in batch.failure)

    def test_a_trial_is_an_evaluation(self, objective):
        study = objective.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
        study.optimize(objective, n_trials=12)
        for trial in study.trials:
            attributes = trial.user_attrs
            if attributes.get("failure", "").startswith("constraint:"):
                continue
            params = objective.space.from_trial_params(trial.params)
            assert attributes["strategy_id"] == objective.space.strategy_id(params)
            batch = objective.evaluate([params])
            assert attributes["metrics"] == batch.row(0)
            assert attributes.get("failure") == batch.failure[0]
            if batch.failure[0] is None:
                assert trial.values == batch.objective[0].tolist()
            else:
                assert trial.state.name == "FAIL"

    def test_fingerprint_is_the_same_in_a_new_process(self, objective):
        program = (
            f"from {type(self).__module__} import {type(self).__name__} as Contract\n"
            "made = Contract().make()\n"
            "print(made.fingerprint, made.measurement_fingerprint)"
        )
        printed = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True
        )
        expected = [objective.fingerprint, objective.measurement_fingerprint]
        assert printed.stdout.split() == expected

    def test_fingerprint_is_of_the_data(self, objective):
        other = self.make(seed=1)
        assert other.fingerprint != objective.fingerprint
        assert other.measurement_fingerprint != objective.measurement_fingerprint

    def test_recalled_figures_are_an_evaluation(self, objective, points):
        batch = objective.evaluate(points)
        reliable, recalled = objective.recall(batch.values, batch.failure)
        assert reliable.dtype == np.bool_
        assert reliable.shape == (len(points),)
        good = np.array([failure is None for failure in batch.failure])
        assert reliable[good].all()
        assert_same(recalled, objective.evaluate(points[reliable]))
        none, empty = objective.recall(batch.values[:0], ())
        assert (len(none), len(empty)) == (0, 0)

    def test_a_record_of_an_error_is_not_recalled(self, objective, points):
        values = objective.evaluate(points).values
        for reason in ("error: ValueError: x", "timeout: longer than 1 s", "crashed"):
            reliable, batch = objective.recall(values, [reason] * len(points))
            assert not reliable.any()
            assert len(batch) == 0

    def test_columns(self, objective, points):
        columns = objective.columns(points)
        named = objective.space.names if isinstance(objective.space, FactorSpace) else ()
        assert tuple(columns) == tuple(named)
        for values in columns.values():
            assert len(values) == len(points)
            assert {type(value) for value in values} <= {int, float, str, bool, type(None)}

    def test_portable(self, objective, points):
        portable = objective.portable(points)
        assert portable.dtype == np.bool_
        assert portable.shape == (len(points),)

    def test_preparing_changes_no_result(self, objective, points, tmp_path):
        before = self.make().evaluate(points)
        mark = objective.fingerprint
        kept = points.copy()
        for folder in (None, None, tmp_path, tmp_path, tmp_path / "missing" / "folder"):
            objective.prepare(folder)
            assert_same(objective.evaluate(points), before)
        assert objective.fingerprint == mark
        np.testing.assert_array_equal(points, kept)

    def test_daily_returns(self, objective, points):
        daily = objective.daily_returns(points)
        if daily is None:
            assert objective.daily_returns(points[:0]) is None
            return
        n_days = len(daily.dates)
        assert daily.dates.dtype == np.dtype("datetime64[D]")
        assert (np.diff(daily.dates) == np.timedelta64(1, "D")).all()
        first, last = (np.datetime64(daily.dates[k], "D").item() for k in (0, -1))
        assert objective.settings.start_date <= first
        assert last == objective.settings.end_date
        assert daily.net.dtype == np.float32
        assert daily.net.shape == (len(points), n_days)
        missing = np.isnan(daily.net)
        assert (missing.any(axis=1) == missing.all(axis=1)).all()
        if daily.exposure is not None:
            assert daily.exposure.dtype == np.float32
            assert daily.exposure.shape == daily.net.shape
            assert np.isfinite(daily.exposure).all()
        if daily.basket is not None:
            assert daily.basket.dtype == np.float32
            assert daily.basket.shape in (daily.net.shape, (1, n_days))
            assert np.isfinite(daily.basket).all()
        assert daily.failed.dtype == np.bool_
        failures = objective.evaluate(points).failure
        assert all(daily.failed[k] for k, reason in enumerate(failures) if reason is not None)
        assert daily.failed[missing.any(axis=1)].all()
        assert len(objective.daily_returns(points[:0]).net) == 0

    def test_order_and_grouping_change_no_daily_return(self, objective, points):
        whole = objective.daily_returns(points)
        order = np.random.default_rng(0).permutation(len(points))
        fresh = self.make()
        for part in np.array_split(order, 3):
            daily = fresh.daily_returns(fresh.space.params_list(points[part]))
            if whole is None:
                assert daily is None
                continue
            np.testing.assert_array_equal(daily.dates, whole.dates)
            np.testing.assert_array_equal(daily.net, whole.net[part])
            if daily.exposure is None:
                assert whole.exposure is None or np.isnan(daily.net).all()
            else:
                np.testing.assert_array_equal(daily.exposure, whole.exposure[part])
            if whole.basket is not None:
                expected = whole.basket if len(whole.basket) == 1 else whole.basket[part]
                np.testing.assert_array_equal(daily.basket, expected)

    def test_inputs_are_not_changed(self, objective, points):
        panel = objective.panel
        returns = panel.returns.copy()
        objective.evaluate(points)
        np.testing.assert_array_equal(panel.returns, returns)

    def test_settings_warnings_and_check(self, objective):
        assert objective.settings.start_date < objective.settings.end_date
        assert all(isinstance(sentence, str) for sentence in objective.warnings)
        assert objective.check() is None

    def test_a_row_has_none_for_what_does_not_exist(self, objective, points):
        batch = objective.evaluate(points)
        for row, values in enumerate(batch.values):
            for name, value in zip(batch.names, values, strict=True):
                assert (batch.row(row)[name] is None) == math.isnan(value)
