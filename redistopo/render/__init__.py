"""Plan to text, through Jinja templates that users can export and edit."""
