"""How fast the hub is, against a floor that does no thinking. `make bench`; see README.md."""
