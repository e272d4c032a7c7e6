"""Suites of other projects on topologies of `redistopo run`: `make test-adopters`."""
