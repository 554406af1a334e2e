"""Configuration files that are refused: their text, and what is said of it."""

# ruff: noqa: E501 (one input a line)

CONFIGURATIONS = [
    ("databse: x", ": unknown setting 'databse'; did you mean database?"),
    ("execution: {workers: 3}", ": unknown setting 'execution.workers'; known are parallel, chunk"),
    ("executon: {parallel: 3}", ": unknown setting 'executon'; did you mean execution?"),
    ("execution: {paralel: 3}", ": unknown setting 'execution.paralel'; did you mean parallel?"),
    (
        "backtest: {fee_rat: 0.1}",
        "backtest: unknown backtest setting fee_rat; did you mean fee_rat",
    ),
    (
        "objective: {metrics: {net_sharp_ratio: maximize}}",
        "objective.metrics: unknown metric 'net_sharp_ratio'; did you mea",
    ),
    (
        "objective: {metrics: {}}",
        "objective.metrics is empty; name a metric, like net_sharpe_ratio",
    ),
    (
        "objective: {metrics: [a]}",
        ": objective.metrics: input should be a valid dictionary, got ['a",
    ),
    (
        "objective: {type: nonsense}",
        ": objective.type: expected factor_backtest or external, or packa",
    ),
    (
        'objective: {type: "../x:y"}',
        ": objective.type: expected factor_backtest or external, or packa",
    ),
    (
        "objective: {options: {a: 1}}",
        ": objective: options are of an objective of your own; the settin",
    ),
    ("objective: {options: 3}", ": objective.options: input should be a valid dictionary, got 3"),
    (
        "execution: {parallel: 1000000000000000000000000000000}",
        ": execution.parallel: expected a number of processes from 1 to 1",
    ),
    (
        "execution: {parallel: -1}",
        ": execution.parallel: expected a number of processes from 1 to 1",
    ),
    (
        "execution: {parallel: 1.5}",
        ": execution.parallel: expected a number of processes from 1 to 1",
    ),
    (
        "execution: {parallel: null}",
        ": execution.parallel: expected a number of processes from 1 to 1",
    ),
    (
        "execution: {parallel: true}",
        ": execution.parallel: expected a number, got true (YAML reads ye",
    ),
    (
        "execution: {parallel: '4'}",
        ": execution.parallel: expected a number of processes from 1 to 1",
    ),
    (
        "execution: {parallel: 100000}",
        ": execution.parallel: expected a number of processes from 1 to 1",
    ),
    (
        "execution: {chunk_size: 0}",
        ": execution.chunk_size: input should be greater than or equal to",
    ),
    (
        "execution: {chunk_size: 100000000000000000000}",
        ": execution.chunk_size: expected a number of at most 1,000,000,0",
    ),
    (
        "execution: {chunk_size: 1.5}",
        ": execution.chunk_size: input should be a valid integer, got a n",
    ),
    (
        "execution: {lease_seconds: .inf}",
        ": execution.lease_seconds: expected a finite number, got inf",
    ),
    (
        "execution: {lease_seconds: .nan}",
        ": execution.lease_seconds: expected a finite number, got nan",
    ),
    (
        "execution: {lease_seconds: 1e300}",
        ": execution.lease_seconds: expected a number of at most 1,000,00",
    ),
    (
        "execution: {chunk_seconds: .inf}",
        ": execution.chunk_seconds: expected a finite number, got inf",
    ),
    (
        "execution: {chunk_seconds: .nan}",
        ": execution.chunk_seconds: expected a finite number, got nan",
    ),
    (
        "execution: {chunk_seconds: -1}",
        ": execution.chunk_seconds: input should be greater than 0, got -",
    ),
    (
        "execution: {strategy_seconds: .inf}",
        ": execution.strategy_seconds: expected a finite number, got inf",
    ),
    (
        "execution: {strategy_seconds: 1e20}",
        ": execution.strategy_seconds: expected a number of at most 1,000",
    ),
    (
        "execution: {strategy_seconds: 0}",
        ": execution.strategy_seconds: input should be greater than 0, go",
    ),
    (
        "execution: {memory_limit: two gigs}",
        ": execution.memory_limit: expected a size like 2GiB or 500 MB, o",
    ),
    (
        "execution: {memory_limit: 1e400}",
        ": execution.memory_limit: expected a finite number, got inf",
    ),
    (
        "execution: {memory_limit: 99999999999999999999999 TiB}",
        ": execution.memory_limit: expected a size like 2GiB or 500 MB, o",
    ),
    (
        "execution: {memory_limit: -1}",
        ": execution.memory_limit: input should be a valid string, got -1",
    ),
    (
        "execution: {memory_limit: 1 byte}",
        ": execution.memory_limit: expected a size like 2GiB or 500 MB, o",
    ),
    (
        "execution: {memory_limit: 2}",
        ": execution.memory_limit: input should be a valid string, got 2",
    ),
    (
        "execution: {save_top: -1}",
        ": execution.save_top: input should be greater than or equal to 0",
    ),
    (
        "execution: {save_top: 100000}",
        ": execution.save_top: input should be less than or equal to 1000",
    ),
    (
        "execution: {reuse: maybe}",
        ": execution.reuse: input should be a valid boolean, unable to in",
    ),
    ("execution: {reuse: 2}", ": execution.reuse: input should be a valid boolean, unable to in"),
    (
        'execution: {cache: "~/x"}',
        ": execution.cache: ~ is not expanded; write the whole path, got",
    ),
    ("execution: {cache: 3}", ": execution.cache: input should be a valid string, got 3"),
    ('execution: {cache: "a\\0b"}', ": execution.cache: a text holds no character 0"),
    ("execution: 3", ": execution: expected settings with their names, got 3"),
    ("execution: []", ": execution: expected settings with their names, got []"),
    ("execution: null", ": execution: expected settings with their names, got None"),
    ("study: {trials: all}", ": study.trials: input should be 'digest' or 'full', got 'all'"),
    ("study: {all_up_to: -1}", ": study.all_up_to: input should be greater than or equal to 0, g"),
    ("study: {all_up_to: 1.5}", ": study.all_up_to: input should be a valid integer, got a number"),
    (
        "study: {all_up_to: 100000000000000000000}",
        ": study.all_up_to: expected a number of at most 1,000,000,000, g",
    ),
    (
        "study: {sample: 100000000000000000000}",
        ": study.sample: expected a number of at most 1,000,000,000, got",
    ),
    (
        "study: {running_best: 1e10}",
        ": study.running_best: expected a number of at most 1,000,000,000",
    ),
    ("study: {final_best: -5}", ": study.final_best: input should be greater than or equal to 0,"),
    ("study: {figures: 7}", ": study.figures: input should be a valid boolean, unable to inte"),
    ("verify: {auto: x}", ": verify.auto: input should be a valid boolean, unable to interp"),
    ("verify: {seconds: .inf}", ": verify.seconds: expected a finite number, got inf"),
    ("verify: {seconds: -1}", ": verify.seconds: input should be greater than 0, got -1"),
    ("verify: {resamples: 1}", ": verify.resamples: input should be greater than or equal to 100"),
    (
        "verify: {resamples: 1000000000}",
        ": verify.resamples: input should be less than or equal to 100000",
    ),
    ("verify: {seed: -1}", ": verify.seed: input should be greater than or equal to 0, got -"),
    (
        "verify: {seed: 100000000000000000000000}",
        ": verify.seed: expected a number of at most 1,000,000,000, got 1",
    ),
    (
        "retention: {keep_days: -1}",
        ": retention.keep_days: input should be greater than or equal to",
    ),
    ("retention: {keep_days: .inf}", ": retention.keep_days: expected a finite number, got inf"),
    (
        "retention: {keep_days: 1e300}",
        ": retention.keep_days: expected a number of at most 1,000,000,00",
    ),
    (
        "retention: {keep_sessions: -1}",
        ": retention.keep_sessions: input should be greater than or equal",
    ),
    ("retention: {log_days: x}", ": retention.log_days: input should be a valid number, unable to"),
    ("logging: {file: ''}", ": logging.file: an empty text is no value; leave the key out for"),
    (
        'logging: {file: "~/log"}',
        ": logging.file: ~ is not expanded; write the whole path, got '~/",
    ),
    ("logging: {level: LOUD}", ": logging.level: input should be 'debug', 'info', 'warning' or '"),
    ("logging: {level: 10}", ": logging.level: input should be 'debug', 'info', 'warning' or '"),
    ("logging: {max_mb: 0}", ": logging.max_mb: input should be greater than 0, got 0"),
    ("logging: {max_mb: .inf}", ": logging.max_mb: expected a finite number, got inf"),
    (
        "logging: {max_mb: 1e300}",
        ": logging.max_mb: expected a number of at most 1,000,000,000, go",
    ),
    ("logging: {backups: -1}", ": logging.backups: input should be greater than or equal to 1, g"),
    (
        "logging: {backups: 100000000000000000000}",
        ": logging.backups: expected a number of at most 1,000,000,000, g",
    ),
    ("logging: {days: .nan}", ": logging.days: expected a finite number, got nan"),
    (
        "methods: {tpe: {n_startup_trials: -1}}",
        ": methods.tpe.n_startup_trials: input should be greater than or",
    ),
    (
        "methods: {tpe: {n_startup_trials: 100000000000000000000}}",
        ": methods.tpe.n_startup_trials: expected a number of at most 1,0",
    ),
    (
        "methods: {tpe: {n_ei_candidates: 0}}",
        ": methods.tpe.n_ei_candidates: input should be greater than or e",
    ),
    (
        "methods: {tpe: {n_ei_candidates: 1000000000000}}",
        ": methods.tpe.n_ei_candidates: expected a number of at most 1,00",
    ),
    (
        "methods: {tpe: {multivariat: true}}",
        ": unknown setting 'methods.tpe.multivariat'; did you mean multiv",
    ),
    ("methods: {tpx: {}}", ": methods: unknown method 'tpx'; there are tpe, genetic, nsga2,"),
    (
        "methods: {genetic: {population_size: 0}}",
        ": methods.genetic.population_size: input should be greater than",
    ),
    (
        "methods: {genetic: {population_size: 1000000000000}}",
        ": methods.genetic.population_size: expected a number of at most",
    ),
    (
        "methods: {genetic: {mutation_prob: 2}}",
        ": methods.genetic.mutation_prob: input should be less than or eq",
    ),
    (
        "methods: {genetic: {mutation_prob: .nan}}",
        ": methods.genetic.mutation_prob: expected a finite number, got n",
    ),
    (
        "methods: {genetic: {crossover: none}}",
        ": methods.genetic.crossover: input should be 'uniform', 'one_poi",
    ),
    (
        "methods: {genetic: {crossover_eta: -1}}",
        ": methods.genetic.crossover_eta: input should be greater than 0,",
    ),
    (
        "methods: {genetic: {generation_size: 0}}",
        ": methods.genetic.generation_size: input should be greater than",
    ),
    (
        "methods: {nsga2: {population_size: 1}}",
        ": methods.nsga2.population_size: input should be greater than or",
    ),
    (
        "methods: {nsga2: {mutation_prob: 1.5}}",
        ": methods.nsga2.mutation_prob: input should be less than or equa",
    ),
    (
        "methods: {nsga2: {crossover: x}}",
        ": methods.nsga2.crossover: input should be 'uniform', 'blxalpha'",
    ),
    ("methods: 3", ": methods: expected settings with their names, got 3"),
    ('methods: {"a.b:C": 3}', ": methods: the options of a.b:C are a mapping of names, got 3"),
    (
        "backtest: {start_date: 2024-02-30}",
        "backtest.start_date (line 1): '2024-02-30' cannot be read (day i",
    ),
    (
        "backtest: {start_date: yesterday}",
        "backtest.start_date is a date like 2025-01-31, got 'yesterday'",
    ),
    (
        "backtest: {start_date: 2024-13-01}",
        "backtest.start_date (line 1): '2024-13-01' cannot be read (month",
    ),
    (
        "backtest: {end_date: 9999-99-99}",
        "backtest.end_date (line 1): '9999-99-99' cannot be read (month m",
    ),
    (
        "backtest: {start_date: 2024-05-01, end_date: 2024-04-01}",
        "backtest.start_date must be before end_date, got 2024-05-01 and",
    ),
    (
        "backtest: {split_date: 2024-05-01, start_date: 2024-06-01}",
        "backtest.split_date must be after start_date, got 2024-05-01 and",
    ),
    (
        "backtest: {split_date: maybe}",
        "backtest.split_date is a date like 2025-01-31, auto, or none, go",
    ),
    ("backtest: {initial_capital: 0}", "backtest.initial_capital must be above 0, got 0.0"),
    ("backtest: {initial_capital: -5}", "backtest.initial_capital must be above 0, got -5.0"),
    ("backtest: {initial_capital: .inf}", "backtest.initial_capital must be above 0, got inf"),
    ("backtest: {initial_capital: .nan}", "backtest.initial_capital must be above 0, got nan"),
    (
        "backtest: {initial_capital: 1e308}",
        "backtest.initial_capital is at most 1,000,000,000,000,000, got 1",
    ),
    ("backtest: {initial_capital: yes}", "backtest.initial_capital is a number, got True"),
    (
        "backtest: {fee_rate: -0.1}",
        "backtest.fee_rate is a fraction of the traded amount in [0, 1),",
    ),
    ("backtest: {fee_rate: 1}", "backtest.fee_rate is a fraction of the traded amount in [0, 1),"),
    ("backtest: {fee_rate: '0.1'}", "backtest.fee_rate is a number, got '0.1'"),
    (
        "backtest: {fee_rate: 0.001, fee_rate: 0.005}",
        "the key backtest.fee_rate is given twice, in lines 1 and 1; keep",
    ),
    (
        "backtest: {position_mode: all}",
        "backtest.position_mode is one of percentage_based, fixed_amount,",
    ),
    (
        "backtest: {factor_input: price}",
        "backtest.factor_input is one of return_1d, roi_1d, got 'price'",
    ),
    ("backtest: {position_size: 0}", "backtest.position_size is a fraction in (0, 1], got 0.0"),
    ("backtest: {position_size: 2}", "backtest.position_size is a fraction in (0, 1], got 2.0"),
    (
        "backtest: {max_positions: 0}",
        "backtest.max_positions is a whole number of at least 1, got 0",
    ),
    (
        "backtest: {max_positions: 1.5}",
        "backtest.max_positions is a whole number of at least 1, got 1.5",
    ),
    (
        "backtest: {max_positions: 100000000000000000000}",
        "backtest.max_positions is at most 1,000,000,000, got 10000000000",
    ),
    ("backtest: {entry_top_n: -1}", "backtest.entry_top_n is a whole number of at least 1, got -1"),
    (
        "backtest: {exit_threshold: 0}",
        "backtest.exit_threshold is a whole number of at least 1, got 0",
    ),
    (
        "backtest: {value_at_liquidation: 1}",
        "backtest.value_at_liquidation is true or false, got 1",
    ),
    (
        "backtest: {min_active_days: -1}",
        "backtest.min_active_days is a whole number of at least 0, got -1",
    ),
    (
        "backtest: {min_active_days: 1e9}",
        "backtest.min_active_days is a whole number of at least 0, got 10",
    ),
    (
        "backtest: {min_active_days: 100000000000000000000}",
        "backtest.min_active_days is at most 1,000,000,000, got 100000000",
    ),
    (
        "backtest: {min_active_share: 1.5}",
        "backtest.min_active_share is a fraction of the days in [0, 1], g",
    ),
    (
        "backtest: {min_active_share: -1}",
        "backtest.min_active_share is a fraction of the days in [0, 1], g",
    ),
    (
        "backtest: {min_active_share: .nan}",
        "backtest.min_active_share is a fraction of the days in [0, 1], g",
    ),
    ("backtest: 3", ": backtest: input should be a valid dictionary, got 3"),
    ("backtest: []", ": backtest: input should be a valid dictionary, got []"),
    ("market: {pairs: 3}", ": market.pairs: input should be a valid tuple, got 3"),
    ("market: {pairs: []}", ": market.pairs: name a pair, or leave the key out for all"),
    ("market: {pairs: [1]}", ": market.pairs.0: input should be a valid string, got 1"),
    ("market: {database: ''}", ": market.database: an empty text is no value; leave the key out"),
    (
        "market: {database: mysql://x/y}",
        "'mysql' databases are not supported; use sqlite:///FILE or postg",
    ),
    (
        "market: {database: postgresql://u:SEC/RET@h/d}",
        ": market.database: the URL must not hold a password: sessions re",
    ),
    (
        'market: {database: "postgresql://u@h/d?password=SECRET"}',
        ": market.database: the URL must not hold a password: sessions re",
    ),
    (
        'market: {database: "postgresql://u@h/d?sslpassword=SECRET"}',
        ": market.database: the URL must not hold a password: sessions re",
    ),
    (
        "market: {database: nofile.db}",
        "the database URL cannot be understood; expected sqlite:///fundin",
    ),
    ("market: {timezone: Mars}", ": market.timezone: there is no time zone 'Mars'; write one such"),
    ("market: {timezone: 3}", ": market.timezone: input should be a valid string, got 3"),
    ("market: {aliases: {a: 3}}", ": market.aliases.a: input should be a valid string, got 3"),
    ("market: {aliases: [a]}", ": market.aliases: input should be a valid dictionary, got ['a']"),
    (
        "market: {incomplete_days: maybe}",
        ": market.incomplete_days: input should be 'drop' or 'keep', got",
    ),
    (
        "market: {both_directions: 3}",
        ": market.both_directions: input should be a valid boolean, unabl",
    ),
    ("database: ''", ": database: an empty text is no value; leave the key out for the"),
    ("database: 3", ": database: input should be a valid string, got 3"),
    ("database: nonsense", "the database URL cannot be understood; expected sqlite:///fundin"),
    ("database: mysql://a/b", "'mysql' databases are not supported; use sqlite:///FILE or postg"),
    ('database: "sqlite://"', "sqlite://: the database is shared by several connections and mus"),
    (
        'database: "sqlite:///:memory:"',
        "sqlite:///%3Amemory%3A: the database is shared by several connec",
    ),
    (
        'database: "sqlite:///~/x.db"',
        "sqlite:///~/x.db: the ~ in a URL is not expanded; write the whol",
    ),
    (
        'database: "sqlite:////nonexistent/folder/x.db"',
        "sqlite:////nonexistent/folder/x.db: the folder /nonexistent/fold",
    ),
    (
        'database: "postgresql://u:p@h:port/d"',
        "the database URL cannot be understood; expected sqlite:///fundin",
    ),
    (
        'database: "postgresql://u:SEC/RET@h:port/d"',
        "the database URL cannot be understood; expected sqlite:///fundin",
    ),
    ("constraints: a < b", ": constraints: input should be a valid list, got 'a < b'"),
    ("constraints: [3]", ": constraints.0: input should be a valid string, got 3"),
    (
        'constraints: ["import os"]',
        "a constraint compares two operands with one of <= < >= > == !=,",
    ),
    (
        'constraints: ["window_size <= nothing"]',
        "constraint 'window_size <= nothing': unknown parameter 'nothing'",
    ),
    (
        'constraints: ["window_size <"]',
        "a constraint compares two operands with one of <= < >= > == !=,",
    ),
    (
        "constraints: [\"__import__('os')\"]",
        "a constraint compares two operands with one of <= < >= > == !=,",
    ),
    (
        'constraints: ["window_size ** 9999999999 > 1"]',
        "constraint 'window_size ** 9999999999 > 1': 'window_size ** 9999",
    ),
    (
        'constraints: ["9**9**9 > window_size"]',
        "constraint '9**9**9 > window_size': '9**9**9' is neither a param",
    ),
    (
        'constraints: ["window_size < 0"]',
        "the constraints leave no point of the space: window_size < 0",
    ),
    (
        "factor_modules: nothing_like_that",
        ": factor_modules: input should be a valid list, got 'nothing_lik",
    ),
    (
        "factor_modules: [nothing_like_that]",
        "the module of factors nothing_like_that cannot be imported (Modu",
    ),
    ("factor_modules: [3]", ": factor_modules.0: input should be a valid string, got 3"),
    ("parameters: 3", ": parameters: input should be a valid dictionary, got 3"),
    (
        "parameters: {window: {choice: [1]}}",
        "a factor space has exactly the parameters factors, window_size,",
    ),
    (
        "parameters: {factors: {subsets: [SR], max_size: 0}}",
        "subsets 'factors' need 1 <= min_size <= max_size <= 1 (the numbe",
    ),
    (
        "parameters: {factors: {subsets: [], max_size: 1}}",
        "subsets 'factors' are of a list of codes; got []",
    ),
    (
        "parameters: {factors: {subsets: [XX], max_size: 1}}",
        "a factor space has exactly the parameters factors, window_size,",
    ),
    (
        "parameters: {window_size: {choice: []}}",
        "parameter 'window_size' needs at least one choice",
    ),
    (
        "parameters: {window_size: {choice: [5, 5]}}",
        "parameter 'window_size' lists 5 twice (Optuna takes 1, 1.0 and t",
    ),
    (
        "parameters: {window_size: {choice: [-5]}}",
        "a factor space has exactly the parameters factors, window_size,",
    ),
    (
        "parameters: {window_size: {range: [1, 10]}}",
        "a factor space has exactly the parameters factors, window_size,",
    ),
    (
        "parameters: {window_size: {range: [10, 1]}}",
        "range 'window_size' needs low <= high; got low=10, high=1",
    ),
    (
        "parameters: {window_size: {range: [1, 1000000000000]}}",
        "a factor space has exactly the parameters factors, window_size,",
    ),
    (
        "parameters: {window_size: {range: [1, 10], step: 0}}",
        "range 'window_size' needs step > 0; got step=0",
    ),
    ("parameters: {window_size: {range: [1]}}", "range 'window_size' is [low, high]; got [1]"),
    (
        "parameters: {window_size: {range: [.nan, 1]}}",
        "`low` of range 'window_size' is a finite number; got nan",
    ),
    (
        "parameters: {window_size: {chioce: [5]}}",
        "parameter 'window_size' needs exactly one of choice, range, fixe",
    ),
    (
        "parameters: {window_size: 5}",
        "parameter 'window_size' is described by a mapping such as {choic",
    ),
    (
        "parameters: {windowsize: {choice: [5]}}",
        "a factor space has exactly the parameters factors, window_size,",
    ),
    ("alerts: [{when: x}]", ": alerts.0.when: input should be 'failure_rate', 'stalled', 'eta"),
    ("alerts: 3", ": alerts: input should be a valid tuple, got 3"),
    ("alerts: [{}]", ": alerts.0.when: field required, got {}; alerts.0.action: field"),
    ("strategy: 3", ": strategy: expected settings with their names, got 3"),
    ("strategy: {id: ''}", ": strategy.id: an empty text is no value; leave the key out for"),
    ("strategy: {}", ": strategy.id: field required, got {}"),
    ("a: [", "this is not YAML: while parsing a flow node expected the node co"),
    ("- 1", "mine.yaml is a mapping of sections, got [1]"),
    ("just text", "mine.yaml is a mapping of sections, got 'just text'"),
    ('"\\0"', "mine.yaml is a mapping of sections, got '\\x00'"),
    ("? [a]", 'this is not YAML: while constructing a mapping in "<unicode stri'),
    ("{a: b}: c", "this is not YAML: while constructing a mapping found unhashable"),
    ("execution: &a {reuse: *a}", "execution.reuse (line 1) contains itself; write it out"),
    ("a: *b", "this is not YAML: found undefined alias 'b' in \"<unicode string>"),
    (
        '!!python/object/apply:os.system ["echo x"]',
        "this is not YAML: could not determine a constructor for the tag",
    ),
    ("!!binary x", "this is not YAML: failed to decode base64 data: Invalid base64-e"),
    ("database: !!int x", "database (line 1): 'x' cannot be read (invalid literal for int()"),
    ("%YAML 9.9", "this is not YAML: found incompatible YAML document (version 1.*"),
    ("a: 1\n---\nb: 2", 'this is not YAML: expected a single document in the stream in "<'),
    (
        "execution:\n\tparallel: 3",
        "this is not YAML: while scanning for the next token found charac",
    ),
    (
        "execution: {parallel: 010}",
        "execution.parallel (line 1): a number does not begin with 0, got",
    ),
    (
        "execution: {parallel: 1:30}",
        "execution.parallel (line 1): 1:30 would be read to base 60, as Y",
    ),
    ("1: 2", "the name of a section is a text, got 1"),
    ("null: 3", "the name of a section is a text, got None"),
    ("true: 1", "the name of a section is a text, got True"),
    ("<<: 3", 'this is not YAML: while constructing a mapping in "<unicode stri'),
    (
        "execution: {parallel: [1]}",
        ": execution.parallel: expected a number of processes from 1 to 1",
    ),
    (
        "execution: {lease_seconds: 100000}",
        ": execution.lease_seconds: input should be less than or equal to",
    ),
    (
        "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f]",
        "f has more than 1,000,000 values with its aliases written out; l",
    ),
    (
        'market: {database: "postgresql://u:S@h/d"}',
        ": market.database: the URL must not hold a password: sessions re",
    ),
    (
        "backtest: {split_date: 2024-06-01, start_date: 2024-06-01, end_date: 2024-08-01}",
        "backtest.split_date must be between 2024-06-03 (two days after s",
    ),
]
