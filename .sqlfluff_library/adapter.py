"""What sqlfluff sees instead of dbt's adapter: a dispatched macro becomes a call, so that models can be linted."""


def dispatch(name, *_):
    def call(first="null", *_args, **_kwargs):
        return f"{name}({', '.join(first) if isinstance(first, (list, tuple)) else first})"

    return call
