"""What every stage shares: the home folder, its configuration, its key, errors, the warehouse connection.

Nothing here knows a vendor, a destination, dbt or Dagster.
"""
