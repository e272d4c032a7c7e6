"""Compares the plan with a snapshot and returns findings; pure, testable without a server."""
