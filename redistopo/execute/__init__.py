"""Carries out steps; decides nothing."""
