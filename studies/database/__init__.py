"""The database itself: engines, short write transactions, tables, migrations, errors that pass."""
