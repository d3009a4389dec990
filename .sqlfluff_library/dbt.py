"""What sqlfluff sees instead of dbt's own macros."""


def type_string():
    return "varchar"
