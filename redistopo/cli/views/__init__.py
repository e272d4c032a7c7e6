"""Results as text for people; the same Result is JSON elsewhere."""
