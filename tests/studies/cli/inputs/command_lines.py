"""Command lines that are refused on a small market with one finished session, and what is said."""

# ruff: noqa: E501 (one input a line)

COMMAND_LINES = [
    ("sesions", "No such command 'sesions'. (Did you mean one of: 'positions', 's"),
    ("--nope", "No such option '--nope'; see: mass-tuning --help"),
    ("sessions extra", "Got unexpected extra argument (extra); see: mass-tuning sessions"),
    ("--database", "Option '--database' requires an argument"),
    (
        "--config none.yaml sessions",
        "the configuration none.yaml cannot be read (No such file or dire",
    ),
    ("--config . sessions", "the configuration . cannot be read (Is a directory); give anothe"),
    (
        "--database none.db sessions",
        "there is no database sqlite:///none.db yet; put a market into it",
    ),
    (
        "--database mysql://a/b sessions",
        "'mysql' databases are not supported; use sqlite:///FILE or postg",
    ),
    (
        "--database sqlite:// sessions",
        "sqlite://: the database is shared by several connections and mus",
    ),
    (
        "--database :memory: sessions",
        "sqlite:///%3Amemory%3A: the database is shared by several connec",
    ),
    (
        "--database file:x sessions",
        "sqlite:///file%3Ax: the database is shared by several connection",
    ),
    (
        "--database ftp://x sessions",
        "'ftp' databases are not supported; use sqlite:///FILE or postgre",
    ),
    ("--database nofolder/x.db generate", "sqlite:///nofolder/x.db: the folder"),
    ("--database nofolder/x.db import synthetic", "sqlite:///nofolder/x.db: the folder"),
    (
        "--database postgresql://u:p@h:port/d sessions",
        "the database URL cannot be understood; expected sqlite:///fundin",
    ),
    ("--lang xx sessions", "Invalid value for '--lang': 'xx' is not one of 'en', 'zh-Hant';"),
    ("demo --size 0", "Invalid value for '--size': 0 is not in the range x>=1; see: mas"),
    ("demo --size -1", "Invalid value for '--size': -1 is not in the range x>=1; see: ma"),
    ("demo --size x", "Invalid value for '--size': 'x' is not a valid integer range; se"),
    (
        "demo --size 999999999999999999999999999999",
        "--size is at most 9,223,372,036,854,775,807, got 999999999999999",
    ),
    ("demo --folder .", "funding_rate.db holds another market; demo wants a folder of its"),
    ("import", "import what? SOURCE is a database URL or .db file, files or fold"),
    ("import none.csv", "none.csv: cannot be read (No such file or directory); a market c"),
    ("import nofolder/", "nofolder/: cannot be read (No such file or directory); a market"),
    (
        "import synthetic --n-pairs 0",
        "Invalid value for '--n-pairs': 0 is not in the range x>=1; see:",
    ),
    (
        "import synthetic --n-pairs 999999999999999999999999999999",
        "--n-pairs is at most 9,223,372,036,854,775,807, got 999999999999",
    ),
    (
        "import synthetic --n-days 999999999999999999999999999999",
        "--n-days is at most 9,223,372,036,854,775,807, got 9999999999999",
    ),
    (
        "import synthetic --n-days 10000000",
        "a synthetic market has at most 36,500 days and 20,000,000 return",
    ),
    (
        "import synthetic --n-pairs 1000000",
        "a synthetic market has at most 36,500 days and 20,000,000 return",
    ),
    (
        "estimate --size 999999999999999999999999999999",
        "--size is at most 9,223,372,036,854,775,807, got 999999999999999",
    ),
    ("execute --parallel 1001", "--parallel is a number of processes from 1 to 1,000, or auto, go"),
    (
        "generate --mode adaptive --size 5",
        "--mode adaptive needs --method, one of tpe, genetic, nsga2, nsga",
    ),
    (
        "generate --mode sampling --method tpe --size 5",
        "--mode sampling draws by one of random, latin_hypercube, grid, s",
    ),
    (
        "generate --mode sobol --method halton --size 5",
        "--mode sobol takes no --method, got halton; use --mode sampling",
    ),
    ("generate --mode sobol", "--mode sampling needs --size, the number of strategies to draw;"),
    ("status -7", "there is no session '-7'; list them with: mass-tuning sessions"),
    ("execute -7", "there is no session '-7'; list them with: mass-tuning sessions"),
    ("status --session -7", "there is no session '-7'; list them with: mass-tuning sessions"),
    (
        "sessions --database a%00b",
        "there is no database sqlite:///a%2500b yet; put a market into it",
    ),
    (
        "import synthetic --seed 9223372036854775808",
        "--seed is at most 9,223,372,036,854,775,807, got 922337203685477",
    ),
    (
        "import synthetic --seed -1",
        "Invalid value for '--seed': -1 is not in the range x>=0; see: ma",
    ),
    ("import synthetic --edge nan", "--edge is a finite number, got nan"),
    ("import synthetic --edge inf", "--edge is a finite number, got inf"),
    (
        "import synthetic --edge -1",
        "Invalid value for '--edge': -1.0 is not in the range x>=0.0; see",
    ),
    (
        "import synthetic --edge 1e308",
        "synthetic(n_pairs=200, n_days=840, seed=0, edge=1e+308) is anoth",
    ),
    (
        "import synthetic --start-date 2024-02-30",
        "a date must be written YYYY-MM-DD, got '2024-02-30'",
    ),
    (
        "import synthetic --start-date x --database new1.db",
        "a date must be written YYYY-MM-DD, got 'x'",
    ),
    (
        "import synthetic extra.csv",
        "extra.csv: cannot be read (No such file or directory); a market",
    ),
    (
        "import funding_rate.db --n-pairs 3",
        "--n-pairs is for the source synthetic, not funding_rate.db",
    ),
    (
        "import funding_rate.db --timezone Mars",
        "--timezone is for funding events, and funding_rate.db is not suc",
    ),
    ("import funding_rate.db --columns x", "--columns is written NAME=VALUE, got 'x'"),
    (
        "import funding_rate.db --form nope",
        "--form is for funding events, and funding_rate.db is not such a",
    ),
    ("import funding_rate.db --alias x", "--alias is written NAME=VALUE, got 'x'"),
    (
        "import funding_rate.db --exchanges ,",
        "--exchanges is for funding events, and funding_rate.db is not su",
    ),
    (
        "import funding_rate.db --start-date 2030-01-01 --end-date 2020-01-01 --database new2.db",
        "sqlite:///funding_rate.db: no day from 2030-01-01 to 2020-01-01;",
    ),
    ("import --rebuild x", "--rebuild makes the returns again of what is held and takes no S"),
    ("import --rebuild", "sqlite:///funding_rate.db: holds no funding events"),
    (
        "import https://example.org/x.csv",
        "https://example.org/x.csv: a market comes from a file of this ma",
    ),
    (
        "import --market-caps none.csv",
        "none.csv: cannot be read (No such file or directory); check the",
    ),
    (
        "fetch --exchanges binance --start 2024-02-30",
        "a date must be written YYYY-MM-DD, got '2024-02-30'",
    ),
    (
        "fetch --exchanges binance --start 2024-02-03 --end 2023-01-01",
        "--start 2024-02-03 is after --end 2023-01-01",
    ),
    (
        "fetch --exchanges binance --symbols top0 --start 2024-01-01",
        "the number of the most traded is 1 or more, got top0",
    ),
    ("fetch --exchanges , --start 2024-01-01", "name at least one exchange, such as binance"),
    ("market nope", "No such command 'nope'; see: mass-tuning market --help"),
    ("market show", "Missing argument 'PAIR'; see: mass-tuning market show --help"),
    ("market show NOPE", "sqlite:///funding_rate.db, table return_metrics: no rows of 1 pa"),
    ("market remove", "remove what? give --pair, --exchange, --before, --after or --sou"),
    (
        "market remove --pair NOPE --yes",
        "sqlite:///funding_rate.db: nothing fits; mass-tuning market summ",
    ),
    ("market remove --before x", "a date must be written YYYY-MM-DD, got 'x'"),
    ("market remove --before 2024-02-30", "a date must be written YYYY-MM-DD, got '2024-02-30'"),
    (
        "market remove --exchange nope --yes",
        "sqlite:///funding_rate.db: nothing fits; mass-tuning market summ",
    ),
    (
        "market remove --source nope --yes",
        "no source is called 'nope'; there are: 'synthetic(n_pairs=12, n_",
    ),
    ("estimate --mode tpe", "--mode tpe needs --size, the number of strategies to try; add --"),
    ("estimate --mode nope", "--mode 'nope' is unknown; choose exhaustive, sampling, tpe, gene"),
    (
        "generate --mode tpe --size 1000000000000",
        "tpe may try at most 10,000,000 strategies, got 1,000,000,000,000",
    ),
    (
        "generate --mode sampling --size 999999999999999999999999999999",
        "--size is at most 9,223,372,036,854,775,807, got 999999999999999",
    ),
    (
        "generate --mode sampling --size 0",
        "Invalid value for '--size': 0 is not in the range x>=1; see: mas",
    ),
    (
        "generate --mode sampling --size -5",
        "Invalid value for '--size': -5 is not in the range x>=1; see: ma",
    ),
    (
        "generate --mode sampling --size 1.5",
        "Invalid value for '--size': '1.5' is not a valid integer range;",
    ),
    (
        "generate --mode sampling --size x",
        "Invalid value for '--size': 'x' is not a valid integer range; se",
    ),
    (
        "generate --mode sampling --size 10 --method nope",
        "Invalid value for '--method': 'nope' is not one of 'random', 'la",
    ),
    (
        "generate --mode exhaustive --size 9223372036854775808",
        "--size is at most 9,223,372,036,854,775,807, got 922337203685477",
    ),
    (
        "generate --mode exhaustive --method sobol",
        "--mode exhaustive takes no --method, got sobol; use --mode sampl",
    ),
    (
        "generate --mode sampling --size 10 --seed 9223372036854775808",
        "--seed is at most 9,223,372,036,854,775,807, got 922337203685477",
    ),
    (
        "generate --mode tpe --size 10 --seed 9223372036854775808",
        "--seed is at most 9,223,372,036,854,775,807, got 922337203685477",
    ),
    (
        "generate --mode genetic --size 10 --seed 9223372036854775808",
        "--seed is at most 9,223,372,036,854,775,807, got 922337203685477",
    ),
    (
        "generate --mode tpe --size 10 --seed 999999999999999999999999999999",
        "--seed is at most 9,223,372,036,854,775,807, got 999999999999999",
    ),
    (
        "generate --mode genetic --size 10 --seed 999999999999999999999999999999",
        "--seed is at most 9,223,372,036,854,775,807, got 999999999999999",
    ),
    (
        "generate --mode exhaustive --size 10 --seed 999999999999999999999999999999",
        "--seed is at most 9,223,372,036,854,775,807, got 999999999999999",
    ),
    (
        "generate --mode sampling --size 10 --method sobol --seed 999999999999999999999999999999",
        "--seed is at most 9,223,372,036,854,775,807, got 999999999999999",
    ),
    (
        "generate --mode sampling --size 10 --method random --seed 999999999999999999999999999999",
        "--seed is at most 9,223,372,036,854,775,807, got 999999999999999",
    ),
    (
        "generate --mode sampling --size 10 --method latin_hypercube --seed 999999999999999999999999999999",
        "--seed is at most 9,223,372,036,854,775,807, got 999999999999999",
    ),
    (
        "generate --mode sampling --size 10 --method halton --seed 999999999999999999999999999999",
        "--seed is at most 9,223,372,036,854,775,807, got 999999999999999",
    ),
    (
        "generate --mode sampling --size 10 --method grid --seed 999999999999999999999999999999",
        "--seed is at most 9,223,372,036,854,775,807, got 999999999999999",
    ),
    (
        "generate --mode qmc --size 10 --seed 999999999999999999999999999999",
        "--seed is at most 9,223,372,036,854,775,807, got 999999999999999",
    ),
    (
        "generate --mode random --size 10 --seed 999999999999999999999999999999",
        "--seed is at most 9,223,372,036,854,775,807, got 999999999999999",
    ),
    (
        "generate --mode nsga2 --size 10 --seed 999999999999999999999999999999",
        "--seed is at most 9,223,372,036,854,775,807, got 999999999999999",
    ),
    (
        "generate --mode cmaes --size 10 --seed 999999999999999999999999999999",
        "--seed is at most 9,223,372,036,854,775,807, got 999999999999999",
    ),
    ("generate --seed -1", "Invalid value for '--seed': -1 is not in the range x>=0; see: ma"),
    ("generate --seed x", "Invalid value for '--seed': 'x' is not a valid integer range; se"),
    ("generate --seed 1.5", "Invalid value for '--seed': '1.5' is not a valid integer range;"),
    (
        "generate --mode adaptive --size 10",
        "--mode adaptive needs --method, one of tpe, genetic, nsga2, nsga",
    ),
    ("generate --mode planned", "--mode 'planned' is unknown; choose exhaustive, sampling, tpe, g"),
    (
        "generate --mode x:y --size 3",
        "the sampler x:y cannot be imported (ModuleNotFoundError: No modu",
    ),
    (
        "generate --mode a.b:C --size 3",
        "the sampler a.b:C cannot be imported (ModuleNotFoundError: No mo",
    ),
    (
        "generate --mode os:path --size 3",
        "os:path is not a sampler: it must be a subclass of optuna.sample",
    ),
    (
        "generate --mode TPE --size 3",
        "--mode 'TPE' is unknown; choose exhaustive, sampling, tpe, genet",
    ),
    ("generate --set x", "--set is NAME=VALUE, like weight_method=EQ,FS; got 'x'; see: mas"),
    ("generate --set x=", "--set is NAME=VALUE, like weight_method=EQ,FS; got 'x='; see: ma"),
    (
        "generate --set colour=red",
        "unknown parameter 'colour'; known are factors, window_size, reba",
    ),
    ("generate --set windowsize=5", "unknown parameter 'windowsize'; did you mean window_size?"),
    (
        "generate --set window_size=7",
        "'7' is not a value of parameter 'window_size'; allowed: 5, 10, 2",
    ),
    (
        "generate --set window_size=x",
        "'x' is not a value of parameter 'window_size'; allowed: 5, 10, 2",
    ),
    (
        "generate --set window_size=999999999999999999999999999999",
        "'999999999999999999999999999999' is not a value of parameter 'wi",
    ),
    (
        "generate --set factors=XX",
        "'XX' is not a value of parameter 'factors'; allowed: SR, DD, TR,",
    ),
    (
        "generate --set window_size=5 --set window_size=10",
        "--set names 'window_size' twice; give all its values at once; se",
    ),
    ("generate --backtest x", "--backtest is NAME=VALUE, like fee_rate=0.0005; got 'x'; see: ma"),
    ("generate --backtest fee_rat=1", "unknown backtest setting fee_rat; did you mean fee_rate?"),
    ("generate --backtest fee_rate=x", "fee_rate is a number, got 'x'"),
    (
        "generate --backtest fee_rate=nan",
        "fee_rate is a fraction of the traded amount in [0, 1), got nan",
    ),
    (
        "generate --backtest fee_rate=-1",
        "fee_rate is a fraction of the traded amount in [0, 1), got -1.0",
    ),
    (
        "generate --backtest fee_rate=1e400",
        "fee_rate is a fraction of the traded amount in [0, 1), got inf",
    ),
    (
        "generate --backtest max_positions=999999999999999999999999999999",
        "max_positions is at most 1,000,000,000, got 99999999999999999999",
    ),
    (
        "generate --backtest min_active_days=999999999999999999999999999999",
        "min_active_days is at most 1,000,000,000, got 999999999999999999",
    ),
    (
        "generate --backtest initial_capital=1e308",
        "initial_capital is at most 1,000,000,000,000,000, got 1e+308",
    ),
    (
        "generate --backtest start_date=2024-02-30",
        "start_date is a date like 2025-01-31, got '2024-02-30'",
    ),
    ("generate --start-date 2024-02-30", "start_date is a date like 2025-01-31, got '2024-02-30'"),
    ("generate --start-date x", "start_date is a date like 2025-01-31, got 'x'"),
    (
        "generate --start-date 2024-06-01 --end-date 2024-05-01",
        "start_date must be before end_date, got 2024-06-01 and 2024-05-0",
    ),
    (
        "generate --start-date 0001-01-01",
        "start_date 0001-01-01 is outside the data, which goes from 2024-",
    ),
    (
        "generate --start-date 99999-01-01",
        "start_date is a date like 2025-01-31, got '99999-01-01'",
    ),
    (
        "generate --end-date 2030-01-01",
        "end_date 2030-01-01 is outside the data, which goes from 2024-01",
    ),
    (
        "generate --split-date 2024-02-30",
        "split_date is a date like 2025-01-31, auto, or none, got '2024-0",
    ),
    (
        "generate --split-date 2020-01-01",
        "split_date must be between 2024-03-23 (two days after start_date",
    ),
    (
        "generate --split-date 2024-04-05",
        "no strategy of this space can be active on more than 14 days, fe",
    ),
    (
        "generate --split-date 2024-05-20",
        "no strategy of this space can be active on more than 59 days, fe",
    ),
    ("generate --split-date x", "split_date is a date like 2025-01-31, auto, or none, got 'x'"),
    ("generate --trials some", "Invalid value for '--trials': 'some' is not one of 'digest', 'fu"),
    (
        "generate --mode tpe --size 5 --trials digest",
        "--trials digest does not go with --mode tpe, which learns from a",
    ),
    ("generate --from x", "--from is about samplers, which learn from what they are given;"),
    (
        "generate --mode tpe --size 5 --from nope",
        "there is no session 'nope'; list them with: mass-tuning sessions",
    ),
    ("generate --mode tpe --size 5 --from-best 3", "--from-best is about --from SESSION; add that"),
    (
        "generate --mode tpe --size 5 --from nope --from-best 0",
        "Invalid value for '--from-best': 0 is not in the range x>=1; see",
    ),
    ("execute --session nope", "there is no session 'nope'; list them with: mass-tuning sessions"),
    ("execute nope", "there is no session 'nope'; list them with: mass-tuning sessions"),
    ("execute a --session b", "one session, got a and --session b; leave one out"),
    ("execute --parallel 0", "--parallel is a number of processes from 1 to 1,000, or auto, go"),
    ("execute --parallel -1", "--parallel is a number of processes from 1 to 1,000, or auto, go"),
    ("execute --parallel x", "--parallel is a number of processes from 1 to 1,000, or auto, go"),
    ("execute --parallel 1.5", "--parallel is a number of processes from 1 to 1,000, or auto, go"),
    (
        "execute --parallel 999999999999999999999999999999",
        "--parallel is a number of processes from 1 to 1,000, or auto, go",
    ),
    (
        "execute --parallel " + "9" * 5_000,
        "--parallel is a number of processes from 1 to 1,000, or auto, go",
    ),
    (
        "execute --parallel 100000",
        "--parallel is a number of processes from 1 to 1,000, or auto, go",
    ),
    ("execute --scheduler nope", "a scheduler address is tls://HOST:PORT, got 'nope'"),
    (
        "execute --scheduler tls://x:1",
        "a scheduler's workers may be on other hosts, which cannot share",
    ),
    (
        "execute --scheduler tcp://x:1",
        "the scheduler tcp://x:1 is not encrypted and Dask runs what it r",
    ),
    (
        "execute --scheduler x --parallel 2",
        "--parallel is about workers of this machine, --scheduler about t",
    ),
    ("execute --insecure-scheduler", "--insecure-scheduler is about --scheduler ADDRESS; add that"),
    (
        "execute --metrics-port 0",
        "Invalid value for '--metrics-port': 0 is not in the range 1<=x<=",
    ),
    (
        "execute --metrics-port 99999999",
        "Invalid value for '--metrics-port': 99999999 is not in the range",
    ),
    (
        "execute --metrics-port x",
        "Invalid value for '--metrics-port': 'x' is not a valid integer r",
    ),
    ("worker", "Missing argument 'SESSION'; see: mass-tuning worker --help"),
    ("worker nope", "there is no session 'nope'; list them with: mass-tuning sessions"),
    ("worker nope --forever", "No such option '--forever'; see: mass-tuning worker --help"),
    ("status nope", "there is no session 'nope'; list them with: mass-tuning sessions"),
    ("status --session nope", "there is no session 'nope'; list them with: mass-tuning sessions"),
    ("sessions --limit x", "No such option '--limit'; see: mass-tuning sessions --help"),
    ("top nope", "there is no session 'nope'; list them with: mass-tuning sessions"),
    ("top -n 0", "Invalid value for '-n': 0 is not in the range x>=1; see: mass-tu"),
    (
        "top -n 9223372036854775808",
        "-n is at most 9,223,372,036,854,775,807, got 9223372036854775808",
    ),
    (
        "top -n 999999999999999999999999999999",
        "-n is at most 9,223,372,036,854,775,807, got 9999999999999999999",
    ),
    ("top -n x", "Invalid value for '-n': 'x' is not a valid integer range; see: m"),
    ("top --metric nope", "unknown metric 'nope'; known are final_balance, total_return, an"),
    (
        "top --metric net_sharp_ratio",
        "unknown metric 'net_sharp_ratio'; did you mean net_sharpe_ratio?",
    ),
    (
        "top --metric strategy_id",
        "unknown metric 'strategy_id'; known are final_balance, total_ret",
    ),
    ("top --sort nope", "unknown metric 'nope'; known are final_balance, total_return, an"),
    ("top --where x", "cannot read the filter 'x': character 2, at its end: one of < <="),
    (
        'top --where "net_sharpe_ratio >"',
        "cannot read the filter 'net_sharpe_ratio >': character 19, at it",
    ),
    (
        'top --where "net_sharpe > 1"',
        "cannot read the filter 'net_sharpe > 1': character 1, before 'ne",
    ),
    (
        "top --where \"net_sharpe_ratio > 'a'\"",
        "cannot read the filter \"net_sharpe_ratio > 'a'\": character 1, be",
    ),
    ('top --where "1 > 2"', "cannot read the filter '1 > 2': character 1, before '1 > 2': two"),
    ('top --where "((((("', "cannot read the filter '(((((': character 6, at its end: a name,"),
    (
        'top --where "' + "(" * 5_000 + '"',
        "cannot read the filter '((((((((((((((((((((((((((((((((((((((((",
    ),
    (
        'top --where "' + "not " * 5_000 + '1"',
        "cannot read the filter 'not not not not not not not not not not",
    ),
    (
        'top --where "window_size = 1e400"',
        "cannot read the filter 'window_size = 1e400': character 20, at i",
    ),
    (
        "top --where \"__import__('os')\"",
        "cannot read the filter \"__import__('os')\": character 11, before",
    ),
    (
        'top --where "net_sharpe_ratio in ()"',
        "cannot read the filter 'net_sharpe_ratio in ()': character 22, b",
    ),
    ("top --factor XX", "unknown factor 'XX'; there are SR, DD, TR, ST, WR, SO"),
    ("top --without XX", "no parameter has the value 'XX'; there are factors, window_size,"),
    ("top --columns nope", "--columns: there is no 'nope'; known: factors, window_size, reba"),
    ("top --columns ,", "--columns is a list of names with a comma between two, got ','"),
    ("show", "Missing argument 'STRATEGY'; see: mass-tuning show --help"),
    ("show nope", "has no result of"),
    (
        "show best --session nope",
        "there is no session 'nope'; list them with: mass-tuning sessions",
    ),
    ("show SR_W5_1D_D10_S3_EQ_extra", "has no result of"),
    ("show SR_W999999999999999999999999999999_1D_D10_S3_EQ", "has no result of"),
    ("show " + "A" * 10_000, "has no result of"),
    ("stats --by nope", "unknown parameter 'nope'; there are factors, window_size, rebala"),
    ("stats nope", "there is no session 'nope'; list them with: mass-tuning sessions"),
    ("plot nope", "there is no figure 'nope'; there are distribution, importance, h"),
    ("plot --figure nope", "No such option '--figure'. Did you mean '--config'?; see: mass-t"),
    ("plot importance -o x.exe", "a figure is a file that ends in .png, .svg, .html, got 'x.exe'"),
    ("verify nope", "has no result of"),
    ("verify --resamples 0", "Invalid value for '--resamples': 0 is not in the range 100<=x<=1"),
    (
        "verify --resamples 999999999999999999999999999999",
        "Invalid value for '--resamples': 999999999999999999999999999999",
    ),
    (
        "verify --seed 999999999999999999999999999999",
        "--seed is at most 9,223,372,036,854,775,807, got 999999999999999",
    ),
    ("verify --seed -1", "Invalid value for '--seed': -1 is not in the range x>=0; see: ma"),
    ("compare", "Missing argument 'SESSION SESSION...'; see: mass-tuning compare"),
    ("compare nope", "there is no session 'nope'; list them with: mass-tuning sessions"),
    ("compare nope nope", "there is no session 'nope'; list them with: mass-tuning sessions"),
    ("backtest", "no strategy is named; give an id, or best, or with --config a fi"),
    ("backtest nope", "a strategy id has the parts FACTORS_W.._..D_D.._S.._WEIGHT, like"),
    ("backtest best --top 0", "Invalid value for '--top': 0 is not in the range 1<=x<=1000; see"),
    (
        "backtest --top 999999999999999999999999999999",
        "Invalid value for '--top': 999999999999999999999999999999 is not",
    ),
    (
        "backtest --config none.yaml",
        "the configuration none.yaml cannot be read (No such file or dire",
    ),
    ("rank", "no strategy is named; give an id, or best, or with --config a fi"),
    ("rank nope", "a strategy id has the parts FACTORS_W.._..D_D.._S.._WEIGHT, like"),
    ("rank best --date x", "a date must be written YYYY-MM-DD, got 'x'"),
    (
        "rank best --date 2031-01-01",
        "2031-01-01 is outside the panel, which goes from 2024-01-01 to 2",
    ),
    ("rank best -n 0", "Invalid value for '-n': 0 is not in the range x>=1; see: mass-tu"),
    (
        "rank best -n 999999999999999999999999999999",
        "-n is at most 9,223,372,036,854,775,807, got 9999999999999999999",
    ),
    ("positions", "no strategy is named; give an id, or best, or with --config a fi"),
    ("positions nope", "a strategy id has the parts FACTORS_W.._..D_D.._S.._WEIGHT, like"),
    (
        "positions best --capital 0",
        "Invalid value for '--capital': 0.0 is not in the range x>0; see:",
    ),
    ("positions best --capital nan", "--capital is a finite number, got nan"),
    ("positions best --capital inf", "--capital is a finite number, got inf"),
    ("positions best --capital 1e308", "the capital is at most 1,000,000,000,000,000, got 1e+308"),
    (
        "positions best --capital x",
        "Invalid value for '--capital': 'x' is not a valid float range; s",
    ),
    (
        "positions best --min-trade -1",
        "Invalid value for '--min-trade': -1.0 is not in the range x>=0;",
    ),
    ("positions best --min-trade nan", "--min-trade is a finite number, got nan"),
    ("positions best --from none.csv", "none.csv cannot be read: No such file or directory"),
    (
        "positions best --date 2031-01-01",
        "2031-01-01 is outside the panel, which goes from 2024-01-01 to 2",
    ),
    (
        "positions best -o funding_rate.db",
        "funding_rate.db is part of the database funding_rate.db and is n",
    ),
    ("dashboard --port -1", "Invalid value for '--port': -1 is not in the range 0<=x<=65535;"),
    ("dashboard --port 99999", "Invalid value for '--port': 99999 is not in the range 0<=x<=6553"),
    ("dashboard --port x", "Invalid value for '--port': 'x' is not a valid integer range; se"),
    (
        "dashboard --host 0.0.0.0",
        "other machines can reach 0.0.0.0, so a token is needed: add --to",
    ),
    ("dashboard --token short", "a token has at least 16 characters, all of them ASCII; --token a"),
    ("report nope", "there is no session 'nope'; list them with: mass-tuning sessions"),
    (
        "report -o funding_rate.db",
        "a report is an HTML page; name a file that ends in .html, got 'f",
    ),
    ("report -o x/y/z.html", "/x/y does not exist; create it"),
    ("report --language xx", "Invalid value for '--language': 'xx' is not one of 'en', 'zh-Han"),
    ("report --where x", "cannot read the filter 'x': character 2, at its end: one of < <="),
    ("export nope", "there is no session 'nope'; list them with: mass-tuning sessions"),
    ("export --format xml", "Invalid value for '--format': 'xml' is not one of 'csv', 'json',"),
    ("export -o x.exe", "the format is one of csv, json, parquet, xlsx, got 'exe'; give -"),
    (
        "export -o funding_rate.db",
        "the format is one of csv, json, parquet, xlsx, got 'db'; give --",
    ),
    (
        "export -o funding_rate.db --format csv",
        "funding_rate.db is part of the database funding_rate.db and is n",
    ),
    ("export -o x/y/z.csv", "/x/y does not exist; create it"),
    ("export -o . --format csv", ". is a folder; name a file"),
    ("export --top 0", "Invalid value for '--top': 0 is not in the range x>=1; see: mass"),
    (
        "export --top 999999999999999999999999999999 -o a.csv",
        "--top is at most 9,223,372,036,854,775,807, got 9999999999999999",
    ),
    (
        "export --metric net_sharpe_ratio",
        "--metric says how the best are listed; say how many with --top N",
    ),
    (
        "export --top 3 --metric nope",
        "unknown metric 'nope'; known are final_balance, total_return, an",
    ),
    ("export --columns nope", "unknown column 'nope'; there are strategy_id, factors, window_si"),
    ("export --pareto", "a Pareto front needs several objectives,"),
    (
        "export --best-config funding_rate.db",
        "funding_rate.db is part of the database funding_rate.db and is n",
    ),
    ("export --best-config m.yaml --strategy nope", "has no result of"),
    ("export --strategy x", "--strategy says which one --best-config writes; add --best-confi"),
    ("clean", "Missing option '--session'; see: mass-tuning clean --help"),
    ("clean nope", "Got unexpected extra argument (nope); see: mass-tuning clean --h"),
    ("clean --session nope", "there is no session 'nope'; list them with: mass-tuning sessions"),
    (
        "clean --session nope --yes",
        "there is no session 'nope'; list them with: mass-tuning sessions",
    ),
    ("clean --older-than -1", "Invalid value for '--older-than': -1.0 is not in the range 0<=x<"),
    ("clean --older-than x", "Invalid value for '--older-than': 'x' is not a valid float range"),
    ("clean --older-than nan", "--older-than is a finite number, got nan"),
    (
        "clean --older-than inf --yes",
        "Invalid value for '--older-than': inf is not in the range 0<=x<=",
    ),
    (
        "clean --older-than 1e300 --yes",
        "Invalid value for '--older-than': 1e+300 is not in the range 0<=",
    ),
    (
        "clean --older-than 3 --session x",
        "--session, --older-than and --retention each say what goes; give",
    ),
    ("clean --retention", "the configuration keeps everything; set retention.keep_days, ret"),
    ("clean --failed-only", "Missing option '--session'; see: mass-tuning clean --help"),
    ("backup funding_rate.db", "funding_rate.db is the database itself; name another file"),
    ("backup x/y/z.db", "the folder x/y does not exist; create it"),
    ("backup .", ". is a folder; name a file in it"),
    ("restore", "Missing argument 'FILE'; see: mass-tuning restore --help"),
    ("restore none.db", "there is no file none.db; name one that `mass-tuning backup` wro"),
    ("restore funding_rate.db", "funding_rate.db is the database itself; name a backup of it"),
    ("doctor extra", "Got unexpected extra argument (extra); see: mass-tuning doctor -"),
    ("config extra", "Got unexpected extra argument (extra); see: mass-tuning config -"),
    (
        "config --write funding_rate.db",
        "funding_rate.db is there already and is not overwritten; name an",
    ),
    ("config --write x/y.yaml", "x/y.yaml cannot be written (No such file or directory)"),
    ("config --write .", ". is there already and is not overwritten; name another"),
]
