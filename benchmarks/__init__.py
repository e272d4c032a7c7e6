"""Ratios measured side by side: redistopo, and what people do by hand."""
