"""Taking over tables that an earlier system created under our names.

Nothing of theirs is lost: missing columns are added, and a table is rebuilt, on SQLite only, when
it demands a value for a column that we leave empty.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.engine import Connection

__all__ = ["create_or_adopt"]


def create_or_adopt(connection: Connection, table: sa.Table) -> None:
    """Create the table, or give an existing one of its name what it lacks, keeping every row.

    Where existing rows repeat a key that we hold unique, the key is enforced from the next row
    on (a partial index), because neither row may go.

    Parameters
    ----------
    connection : Connection
        In the migration's transaction.
    table : Table
        As this migration wants it: columns, unique constraints, indexes.
    """
    if not sa.inspect(connection).has_table(table.name):
        table.create(connection)
        return
    _add_missing_columns(connection, table)
    _allow_nulls(connection, table)
    for constraint in table.constraints:
        if isinstance(constraint, sa.UniqueConstraint):
            columns = [column.name for column in constraint.columns]
            _ensure_unique(connection, table.name, str(constraint.name), columns)
    if table.primary_key.columns.keys() == ["session_id"]:
        _ensure_unique(connection, table.name, f"uq_{table.name}", ["session_id"])
    for index in table.indexes:
        index.create(connection, checkfirst=True)


def _add_missing_columns(connection: Connection, table: sa.Table) -> None:
    present = {column["name"] for column in sa.inspect(connection).get_columns(table.name)}
    for column in table.columns:
        if column.name in present:
            continue
        default = getattr(column.server_default, "arg", None)
        # Rows are there already: a column without a default must leave them empty.
        op.add_column(
            table.name,
            sa.Column(
                column.name,
                column.type,
                nullable=column.nullable or default is None,
                server_default=default,
            ),
        )


def _allow_nulls(connection: Connection, table: sa.Table) -> None:
    """Drop NOT NULL where we write no value, and no default stands in."""
    ours = {column.name: column for column in table.columns}
    strict = [
        column["name"]
        for column in sa.inspect(connection).get_columns(table.name)
        if not column["nullable"]
        and column["default"] is None
        and not column.get("primary_key")
        and (column["name"] not in ours or ours[column["name"]].nullable)
    ]
    if strict:
        with op.batch_alter_table(table.name, recreate="auto") as batch:
            for name in strict:
                batch.alter_column(name, nullable=True)


def _ensure_unique(
    connection: Connection, table_name: str, name: str, columns: Sequence[str]
) -> None:
    inspector = sa.inspect(connection)
    present: list[Sequence[str | None]] = [
        inspector.get_pk_constraint(table_name)["constrained_columns"],
        *[key["column_names"] for key in inspector.get_unique_constraints(table_name)],
        *[key["column_names"] for key in inspector.get_indexes(table_name) if key["unique"]],
    ]
    if any(set(key) == set(columns) for key in present):
        return
    table = sa.table(table_name, sa.column("id"), *[sa.column(column) for column in columns])
    repeated = sa.select(sa.literal(1)).group_by(*[table.c[column] for column in columns])
    repeated = repeated.select_from(table).having(sa.func.count() > 1).limit(1)
    condition = None
    if connection.execute(repeated).first() is not None:
        # Counted from the last row of today; only tables with an `id` ever held repeated keys.
        last = connection.execute(sa.select(sa.func.max(table.c.id))).scalar_one()
        condition = sa.text(f"id > {int(last)}")
    op.create_index(
        name,
        table_name,
        list(columns),
        unique=True,
        sqlite_where=condition,
        postgresql_where=condition,
    )
