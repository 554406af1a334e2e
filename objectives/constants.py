"""The numbers of the strategy definition, shared by every kernel and its plain reference."""

SEMANTICS_VERSION = 2
"""Version of the strategy definition; results carry it and are never mixed across versions."""

DAYS_PER_YEAR = 365.0
"""Annualisation of daily figures: funding is paid every calendar day."""

FACTOR_INPUTS = ("return_1d", "roi_1d")
"""Columns of daily returns that factors may be computed from."""

V5_DAYS_PER_YEAR = 252.0
"""Annualisation that backtest_v5 used for its Sharpe ratio; kept for parity with it only."""

TINY_RETURN = 1e-12
"""A daily return closer to 0 than this is 0: no funding rate has that many decimals."""

RATIO_LIMIT = 1000.0
"""SR and SO are clipped to plus or minus this."""

STABILITY_LIMIT = 1e9
"""ST of a pair that never moves (standard deviation below ``STABILITY_FLOOR``) and earns."""

STABILITY_FLOOR = 1e-9
"""Standard deviation below which ST is ``STABILITY_LIMIT``."""

SCORE_SCALE = 1e10
"""Scores are compared as ``rint(score * SCORE_SCALE)``: rounded to 10 decimals."""

MAX_STALE_DAYS = 7
"""A pair without an observation for longer than this is not ranked."""

WEIGHT_CAP = 0.5
"""An IC or FS entry takes at most this share of the money it is sized on."""

DEFAULT_METRIC = "net_sharpe_ratio"
"""What is optimised where nothing else is named."""

NO_MARKET_CAPS_ADVICE = (
    "weight_method IC needs market caps and the market has none; leave it out with "
    "--set weight_method=EQ,FS, or import caps with: mass-tuning import --market-caps"
)
"""What is said where IC is asked for and cannot be."""

MIN_RANKED_PAIRS = 2
"""Fewer ranked pairs than this: no ranking that day."""

VARIANCE_FLOOR = 1e-16
"""Daily returns whose variance is not above this count as constant: their Sharpe ratio is 0, and
where a spread is divided by, this one is taken."""
