"""Fill an empty board of the size given, straight in SQL: members with a list of 50 open postings each, in force.

`python -m loadtest.bench.peers.sized_board MEMBERS POSTINGS`. The refresh is not what is measured, so its lists are
made up: 50 different postings a member, spread over all of them, in the stored format.
"""

from __future__ import annotations

import os
import sys

import psycopg

COMPANIES_SHARE, LIST = 20, 50  # postings a company; postings a list

BOARD = """
INSERT INTO board.company (id, name)
SELECT 'c-' || lpad(n::text, 6, '0'), '주식회사 회사' || n FROM generate_series(0, {companies} - 1) n;
INSERT INTO board.posting (id, title, company_id, categories, regions, career_min_years, career_max_years, education,
                           employment_types, salary_min, salary_max, salary_unit, skills, opened_at, deadline, closes,
                           url, updated_at)
SELECT 'p-' || lpad(n::text, 7, '0'), '데이터 플랫폼 백엔드 개발자 채용 (' || n || ')',
       'c-' || lpad((n % {companies})::text, 6, '0'), ARRAY[(n % 60)::text],
       ARRAY[(ARRAY['서울/강남구', '서울/마포구', '경기/성남시', '부산/해운대구', '대전/유성구'])[1 + n % 5]],
       n % 8, n % 8 + 4, n % 6, '{{regular}}', 36000000, 64000000, 'KRW/year', '{{python,sql,aws,kafka}}',
       now() - interval '1 day' * (1 + n % 25), current_date + 20 + n % 40, 'on_date',
       'https://jobs.example/postings/' || n, now() - interval '1 day'
FROM generate_series(0, {postings} - 1) n;
INSERT INTO board.member (id, categories, regions, career_years, education, skills, mail_consent, updated_at)
SELECT 'm-' || lpad(n::text, 7, '0'), ARRAY[(n % 60)::text], '{{서울/강남구}}', n % 15, n % 6, '{{python,sql}}', true,
       now() - interval '1 day'
FROM generate_series(0, {members} - 1) n;
"""
RUN = """
INSERT INTO connected_jobs.refresh_run (state, started_at, cutoff_at, finished_at, inputs, options)
VALUES ('ready', now() - interval '1 hour', now() - interval '1 hour', now(), '{{}}', '{{}}');
CREATE TABLE connected_jobs.recommendation_list_1 PARTITION OF connected_jobs.recommendation_list FOR VALUES IN (1);
"""
# From a start of its own in steps of its own, so short that 50 of them do not come round: all different.
LISTS = """
INSERT INTO connected_jobs.recommendation_list (run_id, member_id, posting_ids, reasons)
SELECT 1, 'm-' || lpad(n.number::text, 7, '0'),
       ARRAY(SELECT 'p-' || lpad(((n.first + n.step * k) % {postings})::text, 7, '0') FROM generate_series(0, {list} - 1) k),
       decode(repeat('04', {list}), 'hex')
FROM (SELECT n AS number, ('x' || substr(md5(n::text), 1, 7))::bit(28)::int % {postings} AS first,
             1 + ('x' || substr(md5(n::text), 8, 7))::bit(28)::int % ({postings} / {list}) AS step
      FROM generate_series(0, {members} - 1) n) n;
"""
SHELVES = """
INSERT INTO connected_jobs.shelf (run_id, category, region, posting_ids, reasons)
SELECT 1, category, region, array_agg(id), decode(repeat('02', count(*)::int), 'hex')
FROM (SELECT p.id, place.category, place.region,
             row_number() OVER (PARTITION BY place.category, place.region ORDER BY p.id) AS place_in
      FROM board.posting p,
           LATERAL (VALUES (p.categories[1], split_part(p.regions[1], '/', 1)), (p.categories[1], ''),
                           ('', split_part(p.regions[1], '/', 1)), ('', '')) place (category, region)) placed
WHERE place_in <= 30
GROUP BY category, region;
INSERT INTO connected_jobs.publication (run_id, published_at, effective_at)
VALUES (1, now() - interval '1 minute', now() - interval '1 minute');
"""


def fill(url: str, *, members: int, postings: int) -> None:
    """Fill the board; all of it or nothing."""
    sizes = {
        "members": members,
        "postings": postings,
        "companies": max(postings // COMPANIES_SHARE, 1),
        "list": LIST,
    }
    with psycopg.connect(url) as connection:
        for statements in (BOARD, RUN, LISTS, SHELVES):
            connection.execute(statements.format(**sizes).encode())
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


if __name__ == "__main__":
    fill(os.environ["DATABASE_URL"], members=int(sys.argv[1]), postings=int(sys.argv[2]))
