"""Plain Optuna on the project's database: run it in as many terminals as you like."""

import optuna

from objectives import FactorBacktest, ReturnPanel
from search_spaces import FactorSpace

storage = "sqlite:///funding_rate.db"
space = FactorSpace.from_config("mass_tuning_config.yaml")
objective = FactorBacktest(ReturnPanel.from_database(storage), space=space)
study = optuna.create_study(
    storage=storage, study_name="plain", direction="maximize", load_if_exists=True
)
study.optimize(objective, n_trials=100)
print(study.best_value, study.best_trial.user_attrs["strategy_id"])
