"""Figures beyond the basket, and what was judged of a session."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_RESULTS = "hyperparameter_tuning_results"
_FIGURES = (
    "excess_sharpe_ratio",
    "excess_return",
    "oos_excess_sharpe_ratio",
    "oos_excess_return",
)


def upgrade() -> None:
    present = {column["name"] for column in sa.inspect(op.get_bind()).get_columns(_RESULTS)}
    for name in _FIGURES:
        if name not in present:  # an earlier system may have had a column of the name
            op.add_column(_RESULTS, sa.Column(name, sa.Double))
    op.create_table(
        "verdicts",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("session_id", sa.Text, nullable=False),
        sa.Column("strategy_id", sa.Text, nullable=False),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.Column("p_cash", sa.Double),
        sa.Column("p_basket", sa.Double),
        sa.Column("settings", sa.Text, nullable=False),
        sa.Column("figures", sa.Text, nullable=False),
        sa.Column("data_fingerprint", sa.Text),
        sa.Column("n_before", sa.Integer, nullable=False, server_default="0"),
        sa.Column("seconds", sa.Double),
        sa.Column("created_at", sa.DateTime),
    )
    op.create_index("ix_verdicts_session", "verdicts", ["session_id", "id"])
    op.create_index("ix_verdicts_data", "verdicts", ["data_fingerprint", "id"])
