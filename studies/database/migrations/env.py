"""How Alembic runs our migrations: on the connection, and in the transaction, it is given."""

from alembic import context

from studies.database.migrations import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    version_table=VERSION_TABLE,
    # SQLite can roll back tables; Alembic assumes it cannot, and would commit in between.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
