"""What waits for a person: records in quarantine, in doubt or unresolved, values that nobody knows, and what people decided."""
