"""What members were shown, and clicked, since the last whole refresh: read with their list, so that a new send shows others.

Rows are put in by whatever puts exposures and clicks, in the same transaction. Each counts for sends that begin from
`counts_from` on: a moment that all instances know without asking, at least five minutes after the row was written, so that it
is there for everybody by then.
"""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

# A click that comes with those of many other links of its mail is a scanner's, as is one that Braze suspects.
TABLE = """
CREATE TABLE connected_jobs.lately_shown (
    id           bigint GENERATED ALWAYS AS IDENTITY,
    member_id    text COLLATE "C" NOT NULL,
    counts_from  timestamptz NOT NULL DEFAULT
        date_bin('10 minutes', now() + interval '15 minutes', '2000-01-01 00:02:30+00'),
    shown        text[] COLLATE "C" NOT NULL DEFAULT '{}',
    clicked      text[] COLLATE "C" NOT NULL DEFAULT '{}'
);
CREATE INDEX lately_shown_member ON connected_jobs.lately_shown (member_id);
CREATE INDEX lately_shown_counts_from ON connected_jobs.lately_shown (counts_from);

CREATE FUNCTION connected_jobs.note_shown() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO connected_jobs.lately_shown (member_id, shown)
    SELECT member_id, posting_ids
    FROM put
    WHERE member_id IS NOT NULL AND posting_ids <> '{}' AND sent_at > now() - interval '3 days'
    ORDER BY sent_at;
    RETURN NULL;
END
$$;
CREATE FUNCTION connected_jobs.note_clicked() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO connected_jobs.lately_shown (member_id, clicked)
    SELECT member_id, array_agg(DISTINCT posting_id)
    FROM put
    WHERE member_id IS NOT NULL AND posting_id IS NOT NULL AND at > now() - interval '3 days'
      AND person IS NOT FALSE AND suspect IS NOT TRUE AND coalesce(cardinality(suspected), 0) = 0
    GROUP BY member_id, rid
    HAVING count(DISTINCT posting_id) < 4
    ORDER BY max(at);
    RETURN NULL;
END
$$;
CREATE TRIGGER note_shown AFTER INSERT ON connected_jobs.exposure
REFERENCING NEW TABLE AS put FOR EACH STATEMENT EXECUTE FUNCTION connected_jobs.note_shown();
CREATE TRIGGER note_clicked AFTER INSERT ON connected_jobs.click
REFERENCING NEW TABLE AS put FOR EACH STATEMENT EXECUTE FUNCTION connected_jobs.note_clicked();
"""
# Rows of nobody (no id holds a control character), which never count and are never deleted. A worker plans its read once; were
# the table empty then, it would look it through from end to end, and go on so while a large send fills it.
FLOOR = """
INSERT INTO connected_jobs.lately_shown (member_id, counts_from)
SELECT chr(1) || n, 'infinity' FROM generate_series(1, 2000) n
"""
# Who reads lists reads this with them: a role that was given the one is given the other.
RIGHTS = """
DO $$
DECLARE reader text;
BEGIN
    FOR reader IN
        SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END
        FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.oid = 'connected_jobs.recommendation_list'::regclass
          AND a.privilege_type = 'SELECT' AND a.grantee <> c.relowner
    LOOP
        EXECUTE format('GRANT SELECT ON connected_jobs.lately_shown TO %s', reader);
    END LOOP;
END
$$
"""


def upgrade() -> None:
    op.execute(TABLE)
    op.execute(FLOOR)
    op.execute("ANALYZE connected_jobs.lately_shown")
    op.execute(RIGHTS)


def downgrade() -> None:
    op.execute("""
        DROP TRIGGER note_shown ON connected_jobs.exposure;
        DROP TRIGGER note_clicked ON connected_jobs.click;
        DROP FUNCTION connected_jobs.note_shown();
        DROP FUNCTION connected_jobs.note_clicked();
        DROP TABLE connected_jobs.lately_shown
    """)
