"""Every decision, pure: plan, steps, which node is primary, which data exists only once."""
