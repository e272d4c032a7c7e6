"""What `drill` is made of: the scene, the measured course, the report and its files."""
