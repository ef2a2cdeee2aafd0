"""A PostgreSQL of several servers: the address names them all, and connections go to the one that takes writes."""

from sqlalchemy.engine import make_url

from collector.config import Config
from collector.store.engine import Database


async def test_a_host_that_is_away_and_one_that_takes_writes_are_one_database(database_url: str) -> None:
    url = make_url(database_url)
    host = url.query.get("host", url.host)
    assert isinstance(host, str)
    both = url.set(host=None, query={"host": ("/nowhere", host), "target_session_attrs": "primary"})
    config = Config(database_url=both.render_as_string(hide_password=False))
    config.check()
    database = Database(config)
    await database.check()
    await database.close()
