"""Every key of the YAML does something or is refused by name."""

from pathlib import Path

import pytest
import yaml
from dask.utils import parse_bytes

from objectives import BacktestSettings
from search_spaces.errors import ConfigError, MassTuningError
from studies import TuningConfig, load_config
from studies.config import default_config_text
from tests.helpers.sessions import stock_study


def test_defaults():
    config = TuningConfig()
    assert config.database == "sqlite:///funding_rate.db"
    assert len(config.space()) == 436_800
    assert config.objective.metrics == {"net_sharpe_ratio": "maximize"}
    assert (config.execution.parallel, config.execution.chunk_size) == (1, None)
    study = config.study
    assert (study.trials, study.all_up_to, study.sample) == ("digest", 2_000, 1_500)
    assert (study.running_best, study.final_best) == (20, 500)


def test_the_file_of_the_project_says_what_the_defaults_are():
    config = load_config("mass_tuning_config.yaml")
    assert len(config.space()) == 436_800
    assert config.space().fingerprint == TuningConfig().space().fingerprint
    assert BacktestSettings.from_dict(config.backtest) == BacktestSettings()
    left_out = {"parameters", "backtest"}
    assert config.model_dump(exclude=left_out) == TuningConfig().model_dump(exclude=left_out)


def test_the_file_of_the_project_is_the_one_in_the_package():
    assert Path("mass_tuning_config.yaml").read_bytes() == (
        Path("studies/default_config.yaml").read_bytes()
    )
    assert default_config_text() == Path("mass_tuning_config.yaml").read_text(encoding="utf-8")


def test_without_a_file_there_are_the_defaults(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_config() == TuningConfig()
    (tmp_path / "mass_tuning_config.yaml").write_text("database: sqlite:///other.db\n")
    assert load_config().database == "sqlite:///other.db"
    (tmp_path / "mass_tuning_config.yaml").write_text("# nothing\n")
    assert load_config() == TuningConfig()


@pytest.mark.parametrize(
    "values",
    [
        {},
        {
            "database": "sqlite:///x.db",
            "constraints": ["window_size <= data_period"],
            "market": {"database": "sqlite:///m.db", "pairs": ["A", "B"]},
            "backtest": {"start_date": "2025-01-01", "fee_rate": 0.002},
            "objective": {"metrics": {"total_return": "maximize", "max_drawdown": "minimize"}},
            "execution": {"parallel": 3, "chunk_size": 7, "lease_seconds": 2.5},
            "study": {
                "trials": "full",
                "all_up_to": 1,
                "sample": 2,
                "running_best": 3,
                "final_best": 4,
            },
        },
    ],
)
def test_yaml_reads_back_the_same(tmp_path, values):
    config = TuningConfig.from_mapping(values)
    path = tmp_path / "config.yaml"
    path.write_text(config.to_yaml())
    again = load_config(path)
    assert again.model_dump(exclude={"parameters"}) == config.model_dump(exclude={"parameters"})
    assert again.space().fingerprint == config.space().fingerprint
    assert list(again.objective.metrics) == list(config.objective.metrics)
    assert load_config(path).to_yaml() == path.read_text()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("databse: x", "unknown setting 'databse'"),
        ("execution: {workers: 3}", "unknown setting 'execution.workers'"),
        ("study: {trails: full}", "unknown setting 'study.trails'"),
        ("execution: {parallel: 0}", "execution.parallel: .*from 1 to 1,000, or auto, got 0"),
        ("execution: {chunk_size: -1}", "execution.chunk_size: .*got -1"),
        ("execution: {lease_seconds: 0.5}", "execution.lease_seconds: .*got 0.5"),
        ("study: {trials: some}", "study.trials: .*'digest' or 'full', got 'some'"),
        ("study: {sample: -1}", "study.sample: "),
        ("objective: {metrics: {total_return: up}}", "objective.metrics.total_return: .*'up'"),
        ("objective: [total_return]", "objective: "),
        ("market: {pairs: 3}", "market.pairs: "),
        ("constraints: a < b", "constraints: "),
        ("a: [", "is not YAML"),
        ("backtest: {fee_rate: 0.001, fee_rate: 0.0}", r"backtest\.fee_rate is given twice"),
        (
            "execution: {parallel: many}",
            "execution.parallel: .*from 1 to 1,000, or auto, got 'many'",
        ),
        ("execution: {parallel: yes}", "execution.parallel: expected a number, got true"),
        ("study: {sample: on}", "study.sample: expected a number, got true"),
        ("execution: {chunk_size: no}", "execution.chunk_size: expected a number, got false"),
        ("methods: {tpe: {n_startup_trials: yes}}", "methods.tpe.n_startup_trials: .*got true"),
        ("methods: {nsga2: {mutation_prob: yes}}", "methods.nsga2.mutation_prob: .*got true"),
        ("backtest: {max_positions: yes}", "backtest.max_positions is a whole .*got True"),
        ("backtest: {max_positions: 010}", r"backtest\.max_positions \(line 1\).*got 010"),
        ("backtest: {initial_capital: 1:30}", r"backtest\.initial_capital .*base 60"),
        ("backtest: {fee_rate: much}", "backtest.fee_rate is a number, got 'much'"),
        ("backtest: {fees: 0.1}", "backtest: unknown backtest setting fees"),
        ("market: {pairs: [NO]}", r"market\.pairs\.0 .*'NO' in quotes"),
        ("execution: {memory_limit: 2 gigs}", "execution.memory_limit: .*2GiB.*got '2 gigs'"),
        ("execution: {memory_limit: 0}", "execution.memory_limit: .*got 0"),
        ("database: ''", "database: an empty text is no value; leave the key out"),
        ("market: {database: ''}", "market.database: an empty text"),
        ("execution: {cache: ' '}", "execution.cache: an empty text"),
        ("objective: {type: ''}", "objective.type: an empty text"),
        ("just text", "a mapping of sections, got 'just text'"),
        ("- 1", "a mapping of sections"),
        ("databse: x\nstudi: y", "'databse'; did you mean database\\?; unknown setting 'studi'"),
    ],
)
def test_bad_files_name_the_file_and_the_key(tmp_path, text, message):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message) as error:
        load_config(path)
    assert "mine.yaml" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "section", "key", "value"),
    [
        ("backtest: {fee_rate: 1e-3}", "backtest", "fee_rate", 0.001),
        ("execution: {lease_seconds: 1e2}", "execution", "lease_seconds", 100.0),
        ("execution: {reuse: off}", "execution", "reuse", False),
        ("backtest: {initial_capital: 10_000}", "backtest", "initial_capital", 10_000),
    ],
)
def test_ways_to_write_a_value(tmp_path, text, section, key, value):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    values = load_config(path).model_dump()
    assert values[section][key] == value
    assert type(values[section][key]) is type(value)


@pytest.mark.parametrize(
    "text",
    ["2GiB", "500 MB", "0", "0.5", "auto", "1e9", "5.4 kB", "1k", "2g", "100", "3 TiB", "7B"],
)
def test_sizes_of_memory_are_those_of_dask(text):
    config = TuningConfig.from_mapping({"execution": {"memory_limit": text}})
    assert config.execution.memory_limit == text
    if text != "auto":
        assert parse_bytes(text) >= 0


def test_missing_and_unreadable_files(tmp_path):
    with pytest.raises(ConfigError, match=r"cannot be read \(No such file.*--config FILE"):
        load_config(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path)
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"database: \xe9\xff\n")
    with pytest.raises(ConfigError, match="is not YAML"):
        load_config(path)


@pytest.mark.parametrize(
    "values",
    [
        {"parameters": {"window": {"choice": [1]}}},
        {"parameters": {"factors": {"subsets": ["SR"], "max_size": 0}}},
        {"constraints": ["window_size <= nothing"]},
        {"constraints": ["import os"]},
    ],
)
def test_impossible_spaces(values):
    with pytest.raises(MassTuningError):
        TuningConfig.from_mapping(values).space()


# Of every key: a value, and what of a session it changes. Backtest keys are the objective's.
EFFECTS = {
    "constraints": (["size(factors) <= 1"], lambda s: set(s.top(40)["factors"])),
    "market.pairs": (None, lambda s: s.objective().panel.n_pairs),
    "backtest": ({"fee_rate": 0.01}, lambda s: s.top(1)["fees_paid"].iloc[0]),
    "objective.metrics": ({"total_return": "maximize"}, lambda s: s.study().metric_names),
    "execution.chunk_size": (7, lambda s: s.row.snapshot.chunk_size),
    "study.trials": ("full", lambda s: len(stock_study(s).trials)),
    "study.all_up_to": (40, lambda s: len(stock_study(s).trials)),
    "study.sample": (30, lambda s: len(stock_study(s, s.studies.names[0]).trials)),
    "study.running_best": (30, lambda s: len(stock_study(s).trials)),
    "study.final_best": (30, lambda s: len(stock_study(s).trials)),
}
BASE = {
    "study": {"trials": "digest", "all_up_to": 0, "sample": 2, "running_best": 1, "final_best": 1}
}


@pytest.mark.parametrize(
    "key",
    [pytest.param(k, marks=[pytest.mark.slow] if k.startswith("study.") else []) for k in EFFECTS],
)
def test_every_key_has_an_effect(make_session, panel, key):
    value, observe = EFFECTS[key]
    if key == "market.pairs":
        value = list(panel.pairs[:5])
    if key == "backtest":
        value = {"start_date": "2024-01-11", "min_active_days": 30, **value}
    seen = []
    for changed in (False, True):
        sections = {name: dict(section) for name, section in BASE.items()}
        if changed:
            section, _, name = key.partition(".")
            if name:
                sections.setdefault(section, {})[name] = value
            else:
                sections[section] = value
        session = make_session(size=40, restrictions={"data_period": ["10"]}, **sections)
        session.run()
        seen.append(observe(session))
    assert seen[0] != seen[1]


def test_the_keys_that_others_test():
    """The database and the space: test_session; objective.type and options: test_own_objective;
    the lease: below; parallel, cache, limits: test_cluster, test_time_limit; reuse:
    test_known_outcomes; methods: test_methods; verify: analysis/test_verdict, cli/test_verify;
    study.figures: reports/test_study_pages; factor_modules: tests/docs/test_own_factor;
    strategy: analysis/test_backtest, cli/test_backtest_command; alerts: alerts/, watching/; how
    files are read and returns made of events: cli/test_market; retention: upkeep/test_cleaning;
    logging: upkeep/test_log_file."""
    told = yaml.safe_load(TuningConfig().to_yaml())
    keys = {
        f"{section}.{name}" if isinstance(values, dict) and section in SECTIONS else section
        for section, values in told.items()
        for name in (values if section in SECTIONS else [""])
    }
    assert keys == {
        *EFFECTS,
        "factor_modules",
        "database",
        "study.figures",
        "parameters",
        "market.database",
        "market.both_directions",
        "market.incomplete_days",
        "market.timezone",
        "market.aliases",
        "objective.type",
        "objective.options",
        "execution.lease_seconds",
        "execution.parallel",
        "execution.cache",
        "execution.chunk_seconds",
        "execution.strategy_seconds",
        "execution.memory_limit",
        "execution.reuse",
        "execution.save_top",
        "verify.auto",
        "verify.seconds",
        "verify.resamples",
        "verify.seed",
        "retention.keep_days",
        "retention.keep_sessions",
        "retention.log_days",
        "logging.file",
        "logging.level",
        "logging.max_mb",
        "logging.backups",
        "logging.days",
        "methods",
        "alerts",
        "strategy",
    }


SECTIONS = ("market", "objective", "execution", "study", "verify", "retention", "logging")


def test_the_lease_is_that_of_the_configuration(make_session):
    session = make_session(size=40, execution={"chunk_size": 20, "lease_seconds": 77.0})
    left = []

    def look(progress):
        from studies.upkeep.status import read_status

        left.extend(worker.lease_seconds_left for worker in read_status(session).workers)

    session.run(on_progress=look)
    assert all(60 < seconds <= 77 for seconds in left)
    assert left


def test_a_password_of_the_market_is_refused_and_not_repeated():
    url = "postgresql://me:s3cret@host/market"
    with pytest.raises(ConfigError, match="must not hold a password") as refused:
        TuningConfig.from_mapping({"market": {"database": url}})
    assert "s3cret" not in str(refused.value)
    assert TuningConfig.from_mapping({"market": {"database": "postgresql://me@host/market"}})
