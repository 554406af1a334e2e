from .export import export_results as export_results
from .leaderboard import pareto_front as pareto_front
from .leaderboard import result_row as result_row
from .leaderboard import top as top
from .saved_backtest import SavedDetail as SavedDetail
from .saved_backtest import save_detail as save_detail
