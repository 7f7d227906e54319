"""Migrations of the application's tables, run by `hub.store.schema.migrate`.

Changing a table, after the first release:

1. change `hub/store/tables.py`;
2. `python -m hub.store.migrations "what changes"` writes the next file into `versions/`;
3. read and tidy it (rules below), and run `pytest tests/unit/store/test_store_schema.py`, which
   compares the migrated tables with `tables.py` on SQLite and PostgreSQL.

Until the first release there is only one migration, and it is made anew instead of adding others:
delete `versions/0001_initial.py` and run `python -m hub.store.migrations initial`. A database
made before is thrown away.

Rules:

- A released migration is never edited, and there is no way down: who wants to go back takes the
  copy of the database from before the upgrade.
- It runs in one transaction on both databases. It does not commit, and it does not import
  `tables.py`, which will have moved on: what it needs of a table it declares itself.
- On SQLite some changes copy the table (`batch_alter_table`). The copy is made from what SQLite
  tells of the table, and it does not tell indexes on expressions: there are none, keep it so.
  Foreign keys are not enforced meanwhile, and are checked at the end.
- A new column that may not be NULL needs a `server_default` for the rows that are there.
- Sealed columns cannot be changed by a migration: it has no keys. Documents carry what they need
  to be read in their old form.
"""
