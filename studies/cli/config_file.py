"""The commented configuration that ``config --write`` gives to a new project."""

__all__ = ["DEFAULT_CONFIG"]

DEFAULT_CONFIG = """\
# Configuration of mass-tuning. Every value here is the default; what you leave out keeps it.

# SQLAlchemy URL of the project's database: market, sessions and Optuna's tables.
# sqlite:///FILE or postgresql://user@host/name
database: sqlite:///funding_rate.db

# What may be tried. The default space has 56 x 13 x 5 x 8 x 5 x 3 = 436,800 strategies.
#
# A parameter is one of
#   {choice: [..]}                            listed values
#   {range: [low, high], step: .., log: ..}   numbers; integers if all are written as integers
#   {fixed: value}                            recorded, not searched
#   {subsets: [..], max_size: .., min_size: 1}
parameters:
  factors: # which factors are averaged; max_size 6 gives 491,400 strategies
    subsets: [SR, DD, TR, ST, WR, SO]
    max_size: 4
  window_size: # observations a factor looks back on
    choice: [5, 10, 20, 30, 60, 90, 120, 150, 180, 210, 240, 270, 300]
  rebalance_frequency: # days between trading days
    choice: [1, 2, 7, 14, 30]
  data_period: # days since a pair's first observation before it may be ranked
    choice: [10, 20, 45, 90, 120, 150, 210, 300]
  selection_count: # pairs held; 0 = every pair with a positive score
    choice: [3, 5, 7, 10, 15]
  weight_method: # EQ equal, IC inverse market cap (needs market caps), FS factor strength
    choice: [EQ, IC, FS]

# Rules that every strategy obeys, for example "window_size <= data_period",
# "size(factors) <= 3" or "weight_method != 'IC'".
constraints: []

market:
  database: null # where return_metrics and market_caps are; null: the database above
  pairs: null # use only these trading pairs; null: all

backtest:
  start_date: null # null: the first date plus the largest data_period, at most half the history
  end_date: null # null: the last date
  initial_capital: 10000.0
  fee_rate: 0.001 # fraction of the traded amount, per side
  position_mode: percentage_based # of the cash left; or fixed_amount: of the initial capital
  factor_input: return_1d # what factors look at; or roi_1d
  position_size: null # null: 1 / selection_count
  max_positions: null # null: selection_count
  entry_top_n: null # null: selection_count
  exit_threshold: null # null: ceil(2.5 x selection_count)
  split_date: null # first out-of-sample day; the search sees only the days before
  min_active_days: 60 # a strategy with fewer days in the market counts as failed

# What a search optimises: metric and direction, the first one decides what is best.
objective:
  metrics:
    net_sharpe_ratio: maximize

execution:
  parallel: 1 # worker processes; execute --parallel N overrides it
  chunk_size: null # strategies a worker takes at a time; null: a fraction of a second of work
  lease_seconds: 15.0 # a worker silent for so long has lost its chunk
  chunk_seconds: 300.0 # a chunk that takes longer is evaluated strategy by strategy
  strategy_seconds: 60.0 # a strategy that takes longer fails
  memory_limit: 2GiB # of each worker process of --parallel N; "0": none
  reuse: true # what a session measured on the same data and settings is not computed again
  cache: null # folder of panels and factor values; null: the user's cache folder

# What of a session becomes trials of its Optuna study.
study:
  trials: digest # or full: every strategy
  all_up_to: 2000 # sessions of at most so many strategies are always stored whole
  sample: 1500 # evenly spread strategies in a digest
  running_best: 20 # those that enter the best so many are added as they come
  final_best: 500 # at the end the best so many are all there

# Options of the adaptive methods, generate --mode NAME; a sampler of your own has its keyword
# arguments here under "package.module:ClassName".
methods:
  tpe:
    n_startup_trials: 10 # drawn at random first
    n_ei_candidates: 24 # candidates among which the most promising is taken
    multivariate: null # model the parameters together; null: with one objective yes, else no
    group: false # model groups of parameters that were suggested together
    constant_liar: true # workers keep away from what others are evaluating right now
  genetic:
    initial_size: 22 # first strategies, of a Sobol sequence
    restart_after: 96 # strategies without improvement until a new population begins; 0: never
    restart_size: 40 # its first strategies, further on in the sequence
    generation_size: 8 # strategies bred at a time
    population_size: 12 # parents
    elitism: null # parents that survive beside their children; null: those that are better
    selection: auto # tournament (one objective), nsga2 (several); or nsga3, spea2
    tournament_size: 4 # a parent is the best of so many
    crossover: uniform # or one_point, two_point
    crossover_prob: 0.95 # that a child has two parents
    crossover_eta: 20.0 # continuous ranges: the higher, the nearer to the parents
    mutation_prob: 0.2 # of every parameter of a child
    step_continue_prob: 0.5 # ordered values: one place on, and with this probability one more
    jump_prob: 0.05 # ordered values: any value instead
    mutation_eta: 20.0 # continuous ranges: the higher, the smaller the moves
  nsga2:
    population_size: 50 # strategies of a generation; the first is drawn at random
    mutation_prob: null # of every parameter of a child; null: 1 / number of parameters
    crossover: uniform # in ranges also blxalpha, sbx, spx, undx, vsbx
    crossover_prob: 0.9 # that a child has two parents
    swapping_prob: 0.5 # uniform: that a parameter comes from the second parent
  nsga3:
    population_size: 50
    mutation_prob: null
    crossover: uniform
    crossover_prob: 0.9
    swapping_prob: 0.5
    dividing_parameter: 3 # density of the reference points
  gp: # needs: pip install 'mass-tuning[gp]'
    n_startup_trials: 10
    deterministic_objective: false # true: figures are exact
  cmaes: # ranges only; needs: pip install 'mass-tuning[cmaes]'
    n_startup_trials: 1
    popsize: null # strategies of a generation; null: 4 + floor(3 ln(number of ranges))
    use_separable_cma: false # a diagonal covariance matrix only
    with_margin: false # a least probability for every value of stepped ranges
    lr_adapt: false # adapt the learning rate
  random: {}
  qmc:
    qmc_type: sobol # or halton
    scramble: true # by the seed of the session
"""
