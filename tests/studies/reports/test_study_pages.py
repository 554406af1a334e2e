"""What studies say of a completed session, read as optuna-dashboard reads it."""

import json

import numpy as np
import optuna
import optuna_dashboard
import pytest
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna_dashboard._custom_plot_data import get_plotly_graph_objects

from studies.analysis import importance_of, read_table, verify_session
from studies.reports import describe_studies
from studies.reports.markdown import code_block, markdown_table, markdown_text
from studies.trials.optuna_storage import open_optuna_storage
from tests.helpers.sessions import stock_study

LARGE = {"all_up_to": 0, "sample": 200, "running_best": 5, "final_best": 20}


def command(rest):
    return f"mass-tuning {rest}"


def note_of(study):
    return optuna_dashboard.get_note(study)


def figures_of(study):
    return get_plotly_graph_objects(study._storage.get_study_system_attrs(study._study_id))


def attributes_in(session, name):
    return stock_study(session, name).user_attrs


@pytest.fixture
def large(make_session):
    session = make_session(study=LARGE, notes="<img src=x onerror=alert(1)> *a* | `b`\n# c")
    session.run()
    return session


def test_each_of_two_studies_has_its_figures(large):
    before = {name: len(stock_study(large, name).trials) for name in large.studies.names}
    assert describe_studies(large, command) == []
    sample, best = (stock_study(large, name) for name in large.studies.names)
    assert set(figures_of(sample)) == {"importance", "heat_map"}
    assert set(figures_of(best)) == {"equity"}
    for study in (sample, best):
        assert len(study.trials) == before[study.study_name]
        for text in figures_of(study).values():
            figure = json.loads(text)
            assert figure["data"]
            assert figure["layout"]["title"]["text"]


def test_a_small_session_has_all_figures_in_its_study(completed):
    describe_studies(completed, command)
    assert set(figures_of(stock_study(completed))) == {"importance", "heat_map", "equity"}


def test_without_figures(make_session):
    session = make_session(study={"figures": False}, size=40)
    session.run()
    describe_studies(session, command)
    assert figures_of(stock_study(session)) == {}
    assert "distinct results of all" in note_of(stock_study(session))


def test_the_note_names_counts_verdict_best_and_commands(large):
    verify_session(large)
    describe_studies(large, command)
    row, best = large.row, large.top(10)
    for name in large.studies.names:
        note = note_of(stock_study(large, name))
        assert f"{row.total:,} tried, {row.completed:,} measured, {row.failed:,} failed" in note
        assert "Verdict on the best" in note
        assert "none yet" not in note
        for strategy_id in best["strategy_id"]:
            assert markdown_text(strategy_id) in note
        assert f"mass-tuning top --session {row.session_id}" in note
        attributes = attributes_in(large, name)
        assert attributes["best"] == best["strategy_id"].iloc[0]
        assert attributes["session"] == row.session_id
        assert attributes["mass_tuning"]["mode"] == "exhaustive"


def test_hostile_notes_stay_text(large):
    describe_studies(large, command)
    note = note_of(stock_study(large))
    assert "<img" not in note
    assert "\n# c" not in note
    assert "onerror" in note


def test_a_second_time_replaces_what_the_first_wrote(large):
    describe_studies(large, command)
    first = note_of(stock_study(large))
    n_attributes = len(stock_study(large).user_attrs)
    describe_studies(large, command)
    assert note_of(stock_study(large)) == first
    assert len(stock_study(large).user_attrs) == n_attributes
    assert set(figures_of(stock_study(large))) == {"equity"}


@pytest.mark.parametrize("before", [False, True])
def test_a_note_that_somebody_edited_is_left_alone(large, before):
    if not before:
        describe_studies(large, command)
    study = optuna.load_study(
        study_name=large.study_name, storage=open_optuna_storage(large.engine)
    )
    optuna_dashboard.save_note(study, "my own")
    assert describe_studies(large, command) == [large.study_name]
    assert note_of(stock_study(large)) == "my own"
    assert set(figures_of(stock_study(large))) == {"equity"}


def test_no_study_no_note(large):
    for name in large.studies.names:
        optuna.delete_study(study_name=name, storage=open_optuna_storage(large.engine))
    assert describe_studies(large, command) == []


def test_the_sample_orders_parameters_as_all_results_do(make_session):
    """Those that matter, by functional ANOVA of Optuna on the sample and exactly on the grid."""
    session = make_session(study=LARGE)
    session.run()
    exact = importance_of(read_table(session)).parameters
    sample = stock_study(session, session.studies.sample)
    found = get_param_importances(sample, evaluator=FanovaImportanceEvaluator(n_trees=16, seed=0))
    by_sample = sorted(found, key=found.get, reverse=True)
    by_all = sorted(exact, key=exact.get, reverse=True)
    assert by_sample[0] == by_all[0]
    shares = np.array([exact[name] for name in by_all])
    clear = [name for name, share in zip(by_all, shares, strict=True) if share > 0.1 * shares[0]]
    assert set(by_sample[: len(clear)]) == set(clear)


@pytest.mark.parametrize("text", ["<b>", "a|b", "[x](javascript:y)", "`c`", "*d*", "a\nb", "&lt;"])
def test_text_is_no_markup(text):
    written = markdown_text(text)
    assert not set(written) & set("<>|[]`*\n")
    assert "&lt;" not in written


def test_a_table_and_a_block_of_code():
    assert markdown_table(("a", "b"), [("x", 1)]) == "| a | b |\n| --- | ---: |\n| x | 1 |"
    assert code_block(["a ``` b", "c\nd"]) == "````\na ``` b\nc d\n````"
