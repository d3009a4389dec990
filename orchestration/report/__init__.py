"""The compliance report: gathered at one moment, stated, drawn and written. Nothing else is changed by it."""
