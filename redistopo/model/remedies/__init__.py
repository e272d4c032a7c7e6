"""What to type to repair a fault, with what it would lose; no other module spells such commands."""
