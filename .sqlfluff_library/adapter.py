"""What sqlfluff sees instead of dbt's adapter: a dispatched macro becomes a call, so that models can be linted."""

# Those that are no value: a word behind a CTE's name, the head of a query.
OTHERS = {"not_kept": "not materialized", "every_day": "select null as day"}


def dispatch(name, *_):
    def call(first="null", *_args, **_kwargs):
        if name in OTHERS:
            return OTHERS[name]
        # A column may be told with its kind: {'list': 'channels'}.
        columns = (
            [next(iter(one.values())) if isinstance(one, dict) else one for one in first] if isinstance(first, list) else [first]
        )
        return f"{name}({', '.join(columns)})"

    return call
