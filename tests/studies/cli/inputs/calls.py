"""Calls of the Python interface that are refused, and what is said."""

from objectives import BacktestSettings, FactorBacktest, ReturnPanel
from search_spaces import (
    Choice,
    FactorSpace,
    Fixed,
    Range,
    SearchSpace,
    Subsets,
    make_design,
    parse_parameter,
)
from search_spaces.errors import (
    ConfigError,
    DatabaseUrlError,
    DataError,
    SessionError,
    SpaceError,
)
from studies import Session, TuningConfig, load_config
from studies.sessions import open_database

CALLS = [
    (lambda on: Session.create({}), ConfigError, "config is a TuningConfig, got {}"),
    (lambda on: Session.create("x"), ConfigError, "config is a TuningConfig, got 'x'"),
    (lambda on: Session.create(3), ConfigError, "config is a TuningConfig, got 3"),
    (
        lambda on: Session.create(on.config, size="5"),
        ConfigError,
        "size is a whole number of at least 1, got '5'",
    ),
    (
        lambda on: Session.create(on.config, size=0),
        ConfigError,
        "size is a whole number of at least 1, got 0",
    ),
    (
        lambda on: Session.create(on.config, size=-1),
        ConfigError,
        "size is a whole number of at least 1, got -1",
    ),
    (
        lambda on: Session.create(on.config, size=1.5),
        ConfigError,
        "size is a whole number of at least 1, got 1.5",
    ),
    (
        lambda on: Session.create(on.config, size=True),
        ConfigError,
        "size is a whole number of at least 1, got True",
    ),
    (
        lambda on: Session.create(on.config, size=10**30),
        ConfigError,
        "size is at most 1,000,000,000,000,000, got 100000000000000000000",
    ),
    (
        lambda on: Session.create(on.config, seed="x"),
        ConfigError,
        "seed is a whole number of at least 0, got 'x'",
    ),
    (
        lambda on: Session.create(on.config, seed=-1),
        ConfigError,
        "seed is a whole number of at least 0, got -1",
    ),
    (
        lambda on: Session.create(on.config, seed=2**63),
        ConfigError,
        "seed is at most 9,223,372,036,854,775,807, got 92233720368547758",
    ),
    (
        lambda on: Session.create(on.config, seed=1.5),
        ConfigError,
        "seed is a whole number of at least 0, got 1.5",
    ),
    (
        lambda on: Session.create(on.config, method=None),
        ConfigError,
        "the method is a name, got None",
    ),
    (
        lambda on: Session.create(on.config, method="nope"),
        SpaceError,
        "unknown design 'nope'; there are exhaustive, grid, random, latin",
    ),
    (lambda on: Session.create(on.config, method=3), ConfigError, "the method is a name, got 3"),
    (
        lambda on: Session.create(on.config, mode="x"),
        ConfigError,
        "the mode is planned or adaptive, got 'x'",
    ),
    (
        lambda on: Session.create(on.config, restrictions={"x": ["y"]}),
        SpaceError,
        "unknown parameter 'x'; known are factors, window_size, rebalance",
    ),
    (
        lambda on: Session.create(on.config, restrictions={"factors": 3}),
        SpaceError,
        "3 is not a value of parameter 'factors'; allowed: SR, DD",
    ),
    (
        lambda on: Session.create(on.config, restrictions="x"),
        ConfigError,
        "restrictions is a mapping of names to lists, got 'x'",
    ),
    (lambda on: Session.create(on.config, notes=3), ConfigError, "notes is a text, got 3"),
    (
        lambda on: Session.create(on.config, panel=3),
        ConfigError,
        "the panel is a ReturnPanel, got 3",
    ),
    (
        lambda on: Session.create(on.config, start_from=3),
        SessionError,
        "there is no session 3; list them with: mass-tuning sessions",
    ),
    (
        lambda on: Session.create(on.config, method="tpe", size=3, start_from="x", n_start=0),
        SessionError,
        "there is no session 'x'; list them with: mass-tuning sessions",
    ),
    (
        lambda on: Session.create(
            on.config, method="tpe", size=3, start_from=on.session.row.session_id, n_start=0
        ),
        ConfigError,
        "n_start is a whole number of at least 1, got 0",
    ),
    (
        lambda on: Session.create(
            on.config, method="tpe", size=3, start_from=on.session.row.session_id, n_start="x"
        ),
        ConfigError,
        "n_start is a whole number of at least 1, got 'x'",
    ),
    (
        lambda on: Session.open(on.url, "nope"),
        SessionError,
        "there is no session 'nope'; list them with: mass-tuning sessions",
    ),
    (
        lambda on: Session.open(on.url, None),
        SessionError,
        "no session has work left; the newest is",
    ),
    (
        lambda on: Session.open(on.url, 3),
        SessionError,
        "there is no session 3; list them with: mass-tuning sessions",
    ),
    (
        lambda on: Session.open("nope.db", "x"),
        DatabaseUrlError,
        "the database URL cannot be understood; expected sqlite:///fundin",
    ),
    (
        lambda on: Session.open(None, "x"),
        DatabaseUrlError,
        "the database URL cannot be understood; expected sqlite:///fundin",
    ),
    (
        lambda on: Session.open(3, "x"),
        DatabaseUrlError,
        "the database URL cannot be understood; expected sqlite:///fundin",
    ),
    (
        lambda on: Session.open("", "x"),
        DatabaseUrlError,
        "the database URL cannot be understood; expected sqlite:///fundin",
    ),
    (
        lambda on: on.session.top(0),
        ConfigError,
        "the number of strategies is a whole number of at least 1, got 0",
    ),
    (
        lambda on: on.session.top(-1),
        ConfigError,
        "the number of strategies is a whole number of at least 1, got -1",
    ),
    (
        lambda on: on.session.top("x"),
        ConfigError,
        "the number of strategies is a whole number of at least 1, got 'x",
    ),
    (
        lambda on: on.session.top(1.5),
        ConfigError,
        "the number of strategies is a whole number of at least 1, got 1.",
    ),
    (
        lambda on: on.session.top(2**63),
        ConfigError,
        "the number of strategies is at most 9,223,372,036,854,775,807, g",
    ),
    (
        lambda on: on.session.top(3, metric="nope"),
        ConfigError,
        "unknown metric 'nope'; known are final_balance, total_return, an",
    ),
    (
        lambda on: on.session.top(3, metric=3),
        ConfigError,
        "unknown metric 3; known are final_balance, total_return, annual_",
    ),
    (
        lambda on: on.session.top(3, direction="up"),
        ConfigError,
        "the direction is maximize or minimize, got 'up'",
    ),
    (
        lambda on: on.session.top(3, where="x"),
        ConfigError,
        "cannot read the filter 'x': character 2, at its end: one of < <=",
    ),
    (lambda on: on.session.top(3, where=3), ConfigError, "where is a text or a Filter, got 3"),
    (
        lambda on: on.session.verify("nope"),
        SessionError,
        "has no result of",
    ),
    (lambda on: on.session.verify(3), SessionError, "has no result of"),
    (
        lambda on: on.session.verify(n_resamples=0),
        ConfigError,
        "n_resamples is a whole number of at least 100, got 0",
    ),
    (
        lambda on: on.session.verify(n_resamples="x"),
        ConfigError,
        "n_resamples is a whole number of at least 100, got 'x'",
    ),
    (
        lambda on: on.session.verify(seed=-1),
        ConfigError,
        "seed is a whole number of at least 0, got -1",
    ),
    (
        lambda on: on.session.verify(seed="x"),
        ConfigError,
        "seed is a whole number of at least 0, got 'x'",
    ),
    (
        lambda on: on.session.run(parallel=0),
        ConfigError,
        "parallel is a whole number of at least 1, got 0",
    ),
    (
        lambda on: on.session.run(parallel=-1),
        ConfigError,
        "parallel is a whole number of at least 1, got -1",
    ),
    (
        lambda on: on.session.run(parallel="x"),
        ConfigError,
        "parallel is a whole number of at least 1, got 'x'",
    ),
    (
        lambda on: on.session.run(parallel=1.5),
        ConfigError,
        "parallel is a whole number of at least 1, got 1.5",
    ),
    (
        lambda on: on.session.run(parallel=10**30),
        ConfigError,
        "parallel is at most 1,000, got 1000000000000000000000000000000",
    ),
    (lambda on: on.session.objective(3), SessionError, "the market changed since"),
    (lambda on: FactorBacktest(None), ConfigError, "the panel is a ReturnPanel, got None"),
    (lambda on: FactorBacktest("x"), ConfigError, "the panel is a ReturnPanel, got 'x'"),
    (
        lambda on: FactorBacktest(on.panel, space=3),
        ConfigError,
        "the space is a FactorSpace, got 3",
    ),
    (
        lambda on: FactorBacktest(on.panel, settings=3),
        ConfigError,
        "settings is a BacktestSettings, got 3",
    ),
    (
        lambda on: FactorBacktest(on.panel, settings={"fee_rate": 3}),
        ConfigError,
        "settings is a BacktestSettings, got {'fee_rate': 3}",
    ),
    (
        lambda on: FactorBacktest(on.panel, metrics=3),
        ConfigError,
        "metrics is a list of names or a mapping, got 3",
    ),
    (
        lambda on: FactorBacktest(on.panel, metrics={"nope": "maximize"}),
        ConfigError,
        "unknown metric 'nope'; known are final_balance, total_return, an",
    ),
    (
        lambda on: FactorBacktest(on.panel, metrics={"total_return": "up"}),
        ConfigError,
        "total_return is maximize or minimize, got 'up'",
    ),
    (
        lambda on: FactorBacktest(on.panel, metrics={}),
        ConfigError,
        "metrics is a non-empty list of names, got {}",
    ),
    (
        lambda on: on.backtest.run("nope"),
        ConfigError,
        "params is the parameters of a strategy, such as objective.space.",
    ),
    (
        lambda on: on.backtest.run("SR_W5_1D_D10_S3_EQ"),
        ConfigError,
        "params is the parameters of a strategy, such as objective.space.",
    ),
    (
        lambda on: on.backtest.run(None),
        ConfigError,
        "params is the parameters of a strategy, such as objective.space.",
    ),
    (
        lambda on: on.backtest.run(3),
        ConfigError,
        "params is the parameters of a strategy, such as objective.space.",
    ),
    (
        lambda on: on.backtest.run({}),
        ConfigError,
        "params is the parameters of a strategy, such as objective.space.",
    ),
    (
        lambda on: on.backtest.evaluate(3),
        SpaceError,
        "points are a sequence of indices or parameters, got 3",
    ),
    (
        lambda on: on.backtest.evaluate([10**30]),
        SpaceError,
        "lattice indices are whole numbers, got object values",
    ),
    (
        lambda on: on.backtest.evaluate([-1]),
        SpaceError,
        "index -1 is outside the space, whose 436,800 points are numbered",
    ),
    (
        lambda on: on.backtest.evaluate("x"),
        SpaceError,
        "points are a sequence of indices or parameters, got 'x'",
    ),
    (
        lambda on: on.backtest.evaluate([[0, 0, 0, 0, 0, 10**6]]),
        SpaceError,
        "indices are integers of shape (n,); got array([[      0,       0",
    ),
    (lambda on: BacktestSettings(fee_rate="x"), ConfigError, "fee_rate is a number, got 'x'"),
    (lambda on: BacktestSettings(fee_rate=None), ConfigError, "fee_rate is a number, got None"),
    (
        lambda on: BacktestSettings(initial_capital=10**400),
        ConfigError,
        "initial_capital must be above 0, got inf",
    ),
    (
        lambda on: BacktestSettings(max_positions=True),
        ConfigError,
        "max_positions is a whole number of at least 1, got True",
    ),
    (
        lambda on: BacktestSettings(start_date=3),
        ConfigError,
        "start_date is a date like 2025-01-31, got 3",
    ),
    (
        lambda on: BacktestSettings.from_dict(3),
        ConfigError,
        "backtest settings are a mapping, got 3",
    ),
    (
        lambda on: BacktestSettings.from_dict({"x": 1}),
        ConfigError,
        "unknown backtest setting x; known are start_date, end_date, init",
    ),
    (
        lambda on: BacktestSettings.from_dict({3: 1}),
        ConfigError,
        "unknown backtest setting 3; known are start_date, end_date, init",
    ),
    (
        lambda on: TuningConfig.from_mapping(3),
        ConfigError,
        "the configuration is a mapping of sections, got 3",
    ),
    (
        lambda on: TuningConfig.from_mapping(None),
        ConfigError,
        "the configuration is a mapping of sections, got None",
    ),
    (
        lambda on: TuningConfig.from_mapping({"x": 1}),
        ConfigError,
        "unknown setting 'x'; known are database, parameters, constrain",
    ),
    (
        lambda on: TuningConfig(database=3),
        ConfigError,
        "database: input should be a valid string, got 3",
    ),
    (
        lambda on: TuningConfig(execution={"parallel": 0}),
        ConfigError,
        "execution.parallel: expected a number of processes from 1 to 1,0",
    ),
    (
        lambda on: TuningConfig(nope=3),
        ConfigError,
        "unknown setting 'nope'; known are database, parameters, constrai",
    ),
    (
        lambda on: load_config("none.yaml"),
        ConfigError,
        "the configuration none.yaml cannot be read (No such file or dire",
    ),
    (lambda on: load_config(3), ConfigError, "the configuration is the path of a file, got 3"),
    (
        lambda on: load_config("a\\0b"),
        ConfigError,
        "the configuration a\\0b cannot be read (No such file or directory",
    ),
    (
        lambda on: open_database(""),
        DatabaseUrlError,
        "the database URL cannot be understood; expected sqlite:///fundin",
    ),
    (
        lambda on: open_database(None),
        DatabaseUrlError,
        "the database URL cannot be understood; expected sqlite:///fundin",
    ),
    (
        lambda on: open_database("mysql://x/y"),
        DatabaseUrlError,
        "'mysql' databases are not supported; use sqlite:///FILE or postg",
    ),
    (
        lambda on: ReturnPanel.from_database("none.db"),
        DatabaseUrlError,
        "the database URL cannot be understood; it looks like sqlite:///f",
    ),
    (
        lambda on: ReturnPanel.from_database(3),
        DatabaseUrlError,
        "the database URL cannot be understood; it looks like sqlite:///f",
    ),
    (
        lambda on: ReturnPanel.synthetic(n_pairs=0),
        DataError,
        "a synthetic market needs at least one pair, n_pairs=0",
    ),
    (
        lambda on: ReturnPanel.synthetic(n_pairs="x"),
        ConfigError,
        "n_pairs is a whole number, got 'x'",
    ),
    (
        lambda on: ReturnPanel.synthetic(n_pairs=1.5),
        ConfigError,
        "n_pairs is a whole number, got 1.5",
    ),
    (
        lambda on: ReturnPanel.synthetic(n_days=10**30),
        DataError,
        "a synthetic market has at most 36,500 days and 20,000,000 return",
    ),
    (lambda on: ReturnPanel.synthetic(seed=-1), DataError, "a seed must not be negative, seed=-1"),
    (lambda on: ReturnPanel.synthetic(edge="x"), ConfigError, "edge is a number, got 'x'"),
    (
        lambda on: ReturnPanel.synthetic(edge=float("nan")),
        DataError,
        "the edge must be 0 (no persistent means) or greater, edge=nan",
    ),
    (
        lambda on: FactorSpace.from_config(3),
        ConfigError,
        "a space is a mapping or the path of a file, got 3",
    ),
    (
        lambda on: FactorSpace.from_config({}),
        SpaceError,
        "the configuration: `parameters` is a mapping of names to specifi",
    ),
    (
        lambda on: FactorSpace.from_config({"parameters": 3}),
        SpaceError,
        "the configuration: `parameters` is a mapping of names to specifi",
    ),
    (
        lambda on: FactorSpace([], []),
        SpaceError,
        "a factor space has exactly the parameters factors, window_size,",
    ),
    (lambda on: SearchSpace(3), ConfigError, "parameters is a sequence of parameters, got 3"),
    (lambda on: SearchSpace([]), SpaceError, "a search space needs at least one parameter"),
    (
        lambda on: SearchSpace([3]),
        ConfigError,
        "a parameter is a Choice, Range, Fixed or Subsets, got 3",
    ),
    (
        lambda on: SearchSpace.from_config(3),
        ConfigError,
        "a space is a mapping or the path of a file, got 3",
    ),
    (lambda on: Choice("x", 3), SpaceError, "the choices of 'x' are a list; got 3"),
    (lambda on: Choice("x", []), SpaceError, "parameter 'x' needs at least one choice"),
    (
        lambda on: Choice("", [1]),
        SpaceError,
        "a parameter name begins with a letter or _ and goes on with lett",
    ),
    (
        lambda on: Choice(3, [1]),
        SpaceError,
        "a parameter name begins with a letter or _ and goes on with lett",
    ),
    (lambda on: Range("x", 1, "y"), SpaceError, "`high` of range 'x' is a finite number; got 'y'"),
    (lambda on: Range("x", 2, 1), SpaceError, "range 'x' needs low <= high; got low=2, high=1"),
    (
        lambda on: Range("x", 1, float("inf")),
        SpaceError,
        "`high` of range 'x' is a finite number; got inf",
    ),
    (
        lambda on: Range("x", None, None),
        SpaceError,
        "`low` of range 'x' is a finite number; got None",
    ),
    (
        lambda on: Subsets("x", 3, max_size=2),
        SpaceError,
        "subsets 'x' are of a list of codes; got 3",
    ),
    (
        lambda on: Subsets("x", ["a"], max_size="b"),
        SpaceError,
        "`max_size` of subsets 'x' is an integer; got 'b'",
    ),
    (
        lambda on: Fixed("x", object()),
        SpaceError,
        "a value of parameter 'x' is text, a number, true, false or null;",
    ),
    (
        lambda on: parse_parameter("x", 3),
        SpaceError,
        "parameter 'x' is described by a mapping such as {choice: [..]};",
    ),
    (
        lambda on: parse_parameter("x", {}),
        SpaceError,
        "parameter 'x' needs exactly one of choice, range, fixed, subsets",
    ),
    (
        lambda on: make_design(FactorSpace.default(), "nope"),
        SpaceError,
        "unknown design 'nope'; there are exhaustive, grid, random, latin",
    ),
    (
        lambda on: make_design(FactorSpace.default(), "sobol", size="x"),
        SpaceError,
        "the size of a design is an integer > 0; got size='x'",
    ),
    (
        lambda on: make_design(FactorSpace.default(), "sobol", size=0),
        SpaceError,
        "the size of a design is an integer > 0; got size=0",
    ),
    (
        lambda on: make_design(FactorSpace.default(), "sobol", size=10, seed="x"),
        SpaceError,
        "the seed of a design is an integer >= 0; got seed='x'",
    ),
    (
        lambda on: FactorSpace.default().restrict({"x": [1]}),
        SpaceError,
        "unknown parameter 'x'; known are factors, window_size, rebalance",
    ),
    (
        lambda on: FactorSpace.default().restrict(3),
        ConfigError,
        "restrictions is a mapping of names to values, got 3",
    ),
    (
        lambda on: on.backtest.evaluate("x"),
        SpaceError,
        "points are a sequence of indices or parameters, got 'x'",
    ),
    (
        lambda on: FactorSpace.default().parse("x"),
        SpaceError,
        "a strategy id has the parts FACTORS_W.._..D_D.._S.._WEIGHT, like",
    ),
    (
        lambda on: FactorSpace.default().parse(3),
        SpaceError,
        "a strategy id has the parts FACTORS_W.._..D_D.._S.._WEIGHT, like",
    ),
    (
        lambda on: FactorSpace.default().parse(None),
        SpaceError,
        "a strategy id has the parts FACTORS_W.._..D_D.._S.._WEIGHT, like",
    ),
    (
        lambda on: on.session.run(parallel=True),
        ConfigError,
        "parallel is a whole number of at least 1, got True",
    ),
]
