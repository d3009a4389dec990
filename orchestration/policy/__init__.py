"""What one may ask about the law that the deadlines rest on: which rules there are, what one says, what another would do."""
