"""What sqlfluff sees instead of dbt's adapter: a dispatched macro becomes a call, so that models can be linted."""


def dispatch(name, *_):
    def call(first="null", *_args, **_kwargs):
        # A column may be told with its kind: {'list': 'channels'}.
        columns = (
            [next(iter(one.values())) if isinstance(one, dict) else one for one in first] if isinstance(first, list) else [first]
        )
        return f"{name}({', '.join(columns)})"

    return call
