"""Rendering of plans to text, with Jinja templates that users can export and edit."""
