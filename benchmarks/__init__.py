"""What things cost, measured on generated data. Nothing here asserts a time; docs/performance.md holds the figures of the day."""
