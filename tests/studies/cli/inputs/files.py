"""Files that are refused: the command line, their text, and what is said."""

FILES = [
    ("--database new.db import m.csv", "", "m.csv: is empty; a table needs a header and rows"),
    (
        "--database new.db import m.csv",
        "trading_pair,date,return_1d\n",
        "m.csv: has no rows; expected columns trading_pair, date, return_",
    ),
    (
        "--database new.db import m.csv",
        "\n\n\n",
        "m.csv, row 1: no header; the first line must name the columns",
    ),
    (
        "--database new.db import m.csv",
        b"\x00\x01\x02\xff\xfe",
        "m.csv: cannot be read: row 1 is not UTF-8 text; save the file as",
    ),
    (
        "--database new.db import m.csv",
        "trading_pair,date\na,b\n",
        "m.csv: has neither the columns of returns (trading_pair, date, r",
    ),
    (
        "--database new.db import m.csv",
        "a,b,c\n1,2,3\n",
        "m.csv: has neither the columns of returns (trading_pair, date, r",
    ),
    (
        "--database new.db import m.csv",
        "trading_pair,date,return_1d\nA_x_y,2024-02-30,0.1\n",
        "m.csv, row 2, column 'date': not a date: '2024-02-30'; write YYY",
    ),
    (
        "--database new.db import m.csv",
        "trading_pair,date,return_1d\nA_x_y,,0.1\n",
        "m.csv, row 2, column 'date': not a date: ''; write YYYY-MM-DD, o",
    ),
    (
        "--database new.db import m.csv",
        "trading_pair,date,return_1d\nA_x_y,2024-01-01,abc\n",
        "m.csv, row 2, column 'return_1d': not a number: 'abc'; write it",
    ),
    (
        "--database new.db import m.csv",
        "trading_pair,date,return_1d\nA_x_y,2024-01-01,1e308\n",
        "A_x_y on 2024-01-01: 1e+308 is no return of a day; at most 1,000",
    ),
    (
        "--database new.db import m.csv",
        "trading_pair,date,return_1d\nA_x_y,2024-01-01,inf\n",
        "m.csv, row 2, column 'return_1d': the number is infinite: 'inf';",
    ),
    (
        "--database new.db import m.csv",
        "trading_pair,date,return_1d\n,2024-01-01,0.1\n",
        "m.csv, row 2, column 'trading_pair': the name is empty; fill it",
    ),
    (
        "--database new.db import m.csv",
        "trading_pair,date,return_1d\nA_x_y,2024-01-01,0.1\nA_x_y,2024-01-01,0.2\n",
        "m.csv, row 3, column 'date': duplicate of row 2: pair 'A_x_y' ha",
    ),
    (
        "--database new.db import m.csv",
        "trading_pair,date,return_1d\nA_x_y,2024-01-01\n",
        "m.csv: no row has a return in column 'return_1d'",
    ),
    (
        "--database new.db import m.csv",
        "trading_pair,date,return_1d\nA_x_y,2024-01-01,0.1,5,6\n",
        "m.csv, row 2: more cells than the header has columns; is the del",
    ),
    (
        "--database new.db import m.csv",
        b"trading_pair,date,return_1d\nA\x00_x_y,2024-01-01,0.1\n",
        "m.csv, row 2: has a NUL byte, so the file is damaged or not text",
    ),
    (
        "--database new.db import m.csv",
        'trading_pair,date,return_1d\n"A_x_y,2024-01-01,0.1\n',
        "m.csv: cannot be read: Error tokenizing data. C error: EOF insid",
    ),
    (
        "--database new.db import m.csv",
        "trading_pair,date,return_1d\nA_x_y,2024-01-01,5%\n",
        "m.csv, row 2, column 'return_1d': not a number: '5%'; write it a",
    ),
    (
        "--database new.db import m.csv",
        'trading_pair,date,return_1d\nA_x_y,2024-01-01,"0,1"\n',
        "m.csv, row 2, column 'return_1d': not a number: '0,1'; write it",
    ),
    (
        "--database new.db import m.csv",
        "trading_pair,date,return_1d\nA_x_y,2024-01-01,nan\n",
        "m.csv: no row has a return in column 'return_1d'",
    ),
    (
        "--database new.db import m.csv",
        "trading_pair,date,return_1d,return_1d\nA_x_y,2024-01-01,0.1,0.2\n",
        "m.csv: column 'return_1d' appears 2 times",
    ),
    (
        "--database new.db import m.csv",
        "timestamp,symbol,exchange,funding_rate\n2024-01-01 00:00:00,BTC,binance,abc\n",
        "m.csv, row 2, column 'funding_rate': not a number: 'abc'; write",
    ),
    (
        "--database new.db import m.csv",
        "timestamp,symbol,exchange,funding_rate\nyesterday,BTC,binance,0.1\n",
        "m.csv, row 2, column 'timestamp': not a date: 'yesterday'; write",
    ),
    (
        "--database new.db import m.csv",
        "timestamp,symbol,exchange,funding_rate\n2024-01-01 00:00:00,,binance,0.1\n",
        "m.csv, row 2, column 'symbol': the name is empty; fill it in or",
    ),
    (
        "--database new.db import m.csv",
        "timestamp,symbol,exchange,funding_rate\n",
        "m.csv: has no rows; expected columns timestamp, symbol, exchange",
    ),
    (
        "--database new.db import m.csv --strict",
        "trading_pair,date,return_1d\nA_x_y,1960-01-01,0.1\n",
        "m.csv: --strict refuses it, nothing was written: 1 pairs have a",
    ),
    (
        "--database new.db import m.csv --strict",
        "trading_pair,date,return_1d\nBTCUSDT_binance_bybit,2024-01-01,0.001\nETHUSDT_binance_bybit,2024-01-01,0.002\nBTCUSDT_binance_bybit,2040-01-01,0.001\n",
        "m.csv: --strict refuses it, nothing was written: 1 returns are d",
    ),
    (
        "--database new.db import m.csv --strict",
        "trading_pair,date,return_1d\nA_x_y,2024-01-01,-2\n",
        "m.csv: --strict refuses it, nothing was written: 1 pairs have a",
    ),
    (
        "--database new.db import m.csv --strict",
        "timestamp,symbol,exchange,funding_rate\n1960-01-01 00:00:00,BTC,binance,0.1\n",
        "m.csv: --strict refuses it, nothing was written: 1 sides have a",
    ),
    (
        "--database new.db import m.json",
        '[{"a":1},',
        "m.json, row 1: cannot be read as JSON: Expecting value; download",
    ),
    (
        "--database new.db import m.json",
        "3",
        "m.json: has neither the columns of returns (trading_pair, date,",
    ),
    ("--database new.db import m.json", "", "m.json: is empty; a table needs a header and rows"),
    (
        "--database new.db import m.parquet",
        "PAR1nonsense",
        "m.parquet: cannot be read: Parquet magic bytes not found in foot",
    ),
    (
        "--database new.db import m.feather",
        "x",
        "m.feather: cannot be read: it is not a Feather file; download it",
    ),
    (
        "--database new.db import m.csv.gz",
        "nonsense",
        "m.csv.gz: cannot be read: it is not a .gz file; download it agai",
    ),
    (
        "--database new.db import m.zip",
        "PK nonsense",
        "m.zip: cannot be read: File is not a zip file; download it again",
    ),
    (
        "--database new.db import m.xlsx",
        "x",
        "m.xlsx: has neither the columns of returns (trading_pair, date,",
    ),
    (
        "--database new.db import m.db",
        "",
        "sqlite:///m.db: no table return_metrics; `mass-tuning import` wr",
    ),
    (
        "--database new.db import m.exe",
        "x",
        "m.exe: has neither the columns of returns (trading_pair, date, r",
    ),
    (
        "--database new.db import m.txt",
        "hello",
        "m.txt: has neither the columns of returns (trading_pair, date, r",
    ),
    ("import --market-caps c.csv", "", "c.csv: is empty; a table needs a header and rows"),
    (
        "import --market-caps c.csv",
        "symbol\nBTC\n",
        "c.csv, row 1: missing column 'market_cap'; the columns are symbo",
    ),
    (
        "import --market-caps c.csv",
        "symbol,market_cap\nBTC,abc\n",
        "c.csv, row 2, column 'market_cap': not a number: 'abc'; write it",
    ),
    (
        "import --market-caps c.csv",
        "symbol,market_cap\nBTC,-1\n",
        "c.csv, row 2, column 'market_cap': a market cap must not be nega",
    ),
    (
        "import --market-caps c.csv",
        "symbol,market_cap\nBTC,inf\n",
        "c.csv, row 2, column 'market_cap': the number is infinite: 'inf'",
    ),
    (
        "import --market-caps c.csv",
        "symbol,market_cap,date\nBTC,5,x\n",
        "c.csv, row 2, column 'date': not a date: 'x'; write YYYY-MM-DD,",
    ),
    (
        "positions best --from h.csv",
        "",
        "h.csv, row 1: no column trading_pair and no column amount",
    ),
    (
        "positions best --from h.csv",
        "a,b\n1,2\n",
        "h.csv, row 1: no column trading_pair and no column amount",
    ),
    (
        "positions best --from h.csv",
        "trading_pair,amount\nA_x_y,abc\n",
        "h.csv, row 2: amount is a number like 1234.56, got 'abc'",
    ),
    (
        "positions best --from h.csv",
        "trading_pair,amount\nA_x_y,nan\n",
        "h.csv, row 2: amount is a number like 1234.56, got 'nan'",
    ),
    (
        "positions best --from h.csv",
        "trading_pair,amount\nNOPE_x_y,5\n",
        "the file has no row of cash, so it does not say what all is wort",
    ),
]
