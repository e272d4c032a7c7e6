"""Separate servers become one topology."""
