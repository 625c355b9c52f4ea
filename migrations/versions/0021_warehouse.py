"""Which days of the loop's tables changed, so that an export writes those and no others, whatever changed them.

Every statement that touches rows notes their days, in its own transaction, and never waits for another: notes are only
added. An export takes the notes it sees and gives each of these days a new state, before it reads any row: a change that
is not committed then has a note that the next export finds. An erased member's old days are noted like all others.
"""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

SOURCES = {"exposure": "day", "click": "day", "outcome": "(occurred_at AT TIME ZONE 'UTC')::date"}
TABLES = """
CREATE TABLE connected_jobs.changed_day (
    source  text COLLATE "C" NOT NULL,
    day     date NOT NULL
);
CREATE TABLE connected_jobs.exported_day (
    source  text COLLATE "C" NOT NULL,
    day     date NOT NULL,
    state   uuid NOT NULL,
    PRIMARY KEY (source, day)
);
"""
NOTE = """
CREATE FUNCTION connected_jobs.note_changed_{source}() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO connected_jobs.changed_day (source, day) SELECT DISTINCT '{source}', {day} FROM touched;
    RETURN NULL;
END
$$;
CREATE TRIGGER note_inserted AFTER INSERT ON connected_jobs.{source}
REFERENCING NEW TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION connected_jobs.note_changed_{source}();
CREATE TRIGGER note_updated AFTER UPDATE ON connected_jobs.{source}
REFERENCING NEW TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION connected_jobs.note_changed_{source}();
CREATE TRIGGER note_deleted AFTER DELETE ON connected_jobs.{source}
REFERENCING OLD TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION connected_jobs.note_changed_{source}();
"""
# Days that are there already, by the parts they lie in: a part is a day, or a month.
THERE = """
INSERT INTO connected_jobs.changed_day (source, day)
SELECT p.relname, d::date
FROM pg_inherits i
JOIN pg_class p ON p.oid = i.inhparent AND p.relnamespace = 'connected_jobs'::regnamespace
JOIN pg_class c ON c.oid = i.inhrelid
CROSS JOIN LATERAL generate_series(
    to_date(rpad(substring(c.relname FROM '\\d+$'), 8, '01'), 'YYYYMMDD')::timestamp,
    CASE length(substring(c.relname FROM '\\d+$'))
        WHEN 8 THEN to_date(substring(c.relname FROM '\\d+$'), 'YYYYMMDD')::timestamp
        ELSE to_date(substring(c.relname FROM '\\d+$') || '01', 'YYYYMMDD') + interval '1 month - 1 day'
    END,
    interval '1 day'
) AS d
WHERE p.relname IN ('exposure', 'click', 'outcome') AND c.relname ~ '_\\d{6}(\\d\\d)?$'
"""


def upgrade() -> None:
    op.execute(TABLES)
    for source, day in SOURCES.items():
        op.execute(NOTE.format(source=source, day=day))
    op.execute(THERE)


def downgrade() -> None:
    for source in SOURCES:
        op.execute(f"DROP FUNCTION connected_jobs.note_changed_{source}() CASCADE")
    op.execute("DROP TABLE connected_jobs.exported_day, connected_jobs.changed_day")
