"""Our own stores, each real: how it is configured, and how somebody looks at it, meddles with it and uses it from outside."""

from __future__ import annotations

import csv
import io
import json
import shutil
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from tests.connectors.far import PASSWORD, far_of

SERVERS = ("postgres", "mariadb", "redis")
KINDS = [
    *("file_drop", "parquet", "sftp_drop", "s3_drop", "sqlite"),
    *(pytest.param(kind, marks=getattr(pytest.mark, kind)) for kind in SERVERS),
]


def in_short(*kinds: str) -> list[Any]:
    """All of them as parameters; those that are not named here in the long forms only."""
    params = [(kind, ()) if isinstance(kind, str) else (kind.values[0], kind.marks) for kind in KINDS]
    return [pytest.param(kind, marks=[*marks, *([] if kind in kinds else [pytest.mark.slow])]) for kind, marks in params]


class Store:
    """One store."""

    kind: str
    is_drop = False
    """The whole list is written each time: all of it is the word of who wrote last, and nothing of what was released stays."""
    keys: dict[str, Any]
    """Of ``[destinations.<name>]``."""

    def toml(self, name: str = "there", **more: Any) -> str:
        entry = {"channels": ["email", "voice"], "scopes": ["*"], "max_release_share": 1.0, **self.keys, **more}
        return f'[company]\nname = "Acme"\n[destinations.{name}]\n' + "".join(
            f"{key} = {json.dumps(value)}\n" for key, value in entry.items()
        )

    @abstractmethod
    def there(self) -> set[tuple[str, str, str]]:
        """Channel, identifier and reason of what is in force, as somebody who uses the list would find it."""

    @abstractmethod
    def loses(self, identifier: str) -> int:
        """Somebody takes a row out by hand. Returns how many are lost by it."""

    def somebody_puts(self, identifier: str) -> None:
        """Another program suppresses somebody on the channel email, in its own name."""
        raise NotImplementedError

    def identifiers(self) -> set[str]:
        return {row[1] for row in self.there()}


class DropStore(Store):
    """A folder, or one of its siblings on another machine."""

    is_drop = True

    def __init__(self, kind: str, folder: Path, far: Any = None) -> None:
        self.kind, self.folder, self.far = kind, folder, far
        if kind in ("file_drop", "parquet"):
            self.keys = {"system": "file_drop", "folder": str(folder), "allow_outside_home": True}
            self.keys |= {"format": "parquet"} if kind == "parquet" else {}
        else:
            pull = far.settings()["pull"]
            taken = (
                "host",
                "port",
                "user",
                "password_env",
                "host_keys",
                "endpoint",
                "bucket",
                "prefix",
                "key_id_env",
                "secret_key_env",
            )
            self.keys = {"system": kind, **{key: pull[key] for key in taken if key in pull}}

    def held(self) -> dict[str, bytes]:
        if self.far is not None:
            return self.far.held()
        return {path.name: path.read_bytes() for path in self.folder.iterdir()} if self.folder.exists() else {}

    def control(self) -> dict[str, Any]:
        held = self.held()
        return json.loads(held[max(name for name in held if name.endswith(".ctl.json"))])

    def table(self, kind: str = "full") -> list[dict[str, Any]]:
        (file,) = (file for file in self.control()["files"] if file["kind"] == kind)
        data = self.held()[file["name"]]
        if file["name"].endswith(".parquet"):
            return pq.read_table(io.BytesIO(data)).to_pylist()
        return list(csv.DictReader(io.StringIO(data.decode(), newline="")))

    def there(self) -> set[tuple[str, str, str]]:
        return {(row["channel"], row["identifier"], row["reason"]) for row in self.table()}

    def loses(self, identifier: str) -> int:
        lost = len(self.there())
        for name in self.held():
            if "_full." in name and not name.endswith(".sha256"):
                if self.far is not None:
                    self.far.remove(name)
                else:
                    (self.folder / name).unlink()
        return lost


class SqlStore(Store):
    """A table."""

    def __init__(self, kind: str, url: str) -> None:
        self.kind = kind
        self.engine = sa.create_engine(
            url.replace("postgresql://", "postgresql+psycopg://").replace("mariadb://", "mysql+pymysql://"), poolclass=sa.NullPool
        )
        self.keys = {"system": "sql_table", "url_env": "TEST_STORE_URL", "allow_outside_home": True}

    def ask(self, sql: str) -> list[Any]:
        with self.engine.begin() as con:
            done = con.execute(sa.text(sql))
            return list(done) if done.returns_rows else []

    def there(self) -> set[tuple[str, str, str]]:
        rows = self.ask("select channel, identifier, reason from suppression where released_at is null")
        return {(row.channel, row.identifier, row.reason) for row in rows}

    def loses(self, identifier: str) -> int:
        self.ask(f"delete from suppression where identifier = '{identifier}'")
        return 1

    def somebody_puts(self, identifier: str) -> None:
        self.ask(
            "insert into suppression (channel, identifier_type, identifier, scope, written_by) "
            f"values ('email', 'email', '{identifier}', '*', 'callcenter')"
        )

    def restores(self, identifier: str) -> None:
        """What a restored database does: a row that was released is in force again."""
        self.ask(f"update suppression set released_at = null where identifier = '{identifier}'")


class RedisStore(Store):
    """The hashes of a Redis."""

    kind = "redis"

    def __init__(self, url: str) -> None:
        import redis

        self.client = redis.Redis.from_url(url, decode_responses=True)
        self.keys = {"system": "redis_hash", "url_env": "TEST_STORE_URL"}
        self.was: dict[str, str] = {}

    def there(self) -> set[tuple[str, str, str]]:
        found = set()
        for name in self.client.scan_iter(match="quietlist:suppressed:*"):
            for field, value in self.client.hgetall(name).items():
                self.was[field] = value
                found.add((name.split(":")[2], field, json.loads(value)["reason"] if value.startswith("{") else value))
        return found

    def loses(self, identifier: str) -> int:
        return int(self.client.hdel("quietlist:suppressed:email:email:*", identifier))

    def somebody_puts(self, identifier: str) -> None:
        self.client.hset("quietlist:suppressed:email:email:*", identifier, "callcenter")

    def restores(self, identifier: str) -> None:
        self.client.hset("quietlist:suppressed:email:email:*", identifier, self.was[identifier])


@contextmanager
def store_of(kind: str, folder: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A fresh store of one kind, and nothing of it afterwards."""
    monkeypatch.setenv("FAR_PASS", PASSWORD)
    if kind in ("file_drop", "parquet"):
        yield DropStore(kind, folder / "list")
    elif kind in ("sftp_drop", "s3_drop"):
        with far_of(kind.removesuffix("_drop"), folder / "far") as far:
            yield DropStore(kind, folder / "far", far)
    elif kind == "redis":
        url = request.getfixturevalue("redis_url")
        monkeypatch.setenv("TEST_STORE_URL", url)
        made = RedisStore(url)
        yield made
        made.client.flushall()
        made.client.close()
    else:
        url = f"sqlite:///{folder / 'list.db'}" if kind == "sqlite" else request.getfixturevalue(kind)
        monkeypatch.setenv("TEST_STORE_URL", url)
        sql = SqlStore(kind, url)
        yield sql
        if kind != "sqlite":
            sql.ask("drop table if exists suppression")
        sql.engine.dispose()
        shutil.rmtree(folder / "list.db", ignore_errors=True)
