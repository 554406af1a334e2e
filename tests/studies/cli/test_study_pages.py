"""When the studies of a session are described, and by whom."""

import optuna
import pytest
from optuna_dashboard import get_note
from optuna_dashboard._custom_plot_data import get_plotly_graph_objects

import studies.cli.verify
from tests.studies.cli.conftest import SMALL_SPACE


@pytest.fixture
def planned(cli, project):
    return cli("generate", *SMALL_SPACE, "--seed", "3", "--json").json["session_id"]


def described(project, session_id):
    study = optuna.load_study(study_name=session_id, storage=f"sqlite:///{project}/funding_rate.db")
    figures = get_plotly_graph_objects(study._storage.get_study_system_attrs(study._study_id))
    return set(figures), get_note(study)


def test_a_stop_while_the_best_is_judged_leaves_figures_and_note(
    cli, project, planned, monkeypatch
):
    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(studies.cli.verify, "judge_if_quick", stopped)
    assert cli("execute", "--session", planned).code == 130
    figures, note = described(project, planned)
    assert figures == {"importance", "heat_map", "equity"}
    assert "Verdict on the best: none yet" in note


def test_the_verdict_stands_in_the_note(cli, project, planned):
    assert cli("execute", "--session", planned).code == 0
    figures, note = described(project, planned)
    assert figures == {"importance", "heat_map", "equity"}
    assert "Verdict on the best" in note
    assert "none yet" not in note


def test_a_worker_describes_what_it_finished(cli, project, planned):
    assert cli("worker", planned).code == 0
    figures, note = described(project, planned)
    assert figures == {"importance", "heat_map", "equity"}
    assert "none yet" in note
