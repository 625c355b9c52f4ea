"""Print the ids of members whose list fills an answer, one a line, in an order that has nothing to do with theirs."""

from __future__ import annotations

import os
import sys

import psycopg

from loadtest.bench.peers.given import PUBLICATION

FILLS = 20  # an answer's 10 postings, and as many that may be vetoed
MEMBERS = """
    SELECT m.id
    FROM board.member m
    JOIN connected_jobs.recommendation_list l ON l.member_id = m.id AND l.run_id = %s
    WHERE m.mail_consent AND m.withdrawn_at IS NULL AND cardinality(l.posting_ids) >= %s
      AND m.id ~ '^[A-Za-z0-9_-]+$'
    ORDER BY md5(m.id)
"""

with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
    run = connection.execute(PUBLICATION).fetchone()
    if run is None:
        sys.exit("No refresh is published in this database.")
    for (member_id,) in connection.execute(MEMBERS, (run[1], FILLS)):
        sys.stdout.write(f"{member_id}\n")
