"""The generations of genetic sessions."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "search_generations",
        sa.Column("session_id", sa.Text, primary_key=True),
        sa.Column("generation", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("position_start", sa.BigInteger, nullable=False),
        sa.Column("position_stop", sa.BigInteger, nullable=False),
        sa.Column("points", sa.Text, nullable=False),
        sa.Column("bred_from", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime),
    )
