-- What dbt made, as a table that a sync reads: `psql "$DATABASE_URL" -f load.sql`, where member_attributes.csv is. All or nothing.
\set ON_ERROR_STOP on
BEGIN;
CREATE SCHEMA IF NOT EXISTS analytics;
CREATE TABLE IF NOT EXISTS analytics.member_attributes (
    member_id             text PRIMARY KEY,
    cj_mails_28d          text NOT NULL,
    cj_clicks_28d         text NOT NULL,
    cj_applied_from_mail  date
);
DELETE FROM analytics.member_attributes;
\copy analytics.member_attributes FROM 'member_attributes.csv' WITH (FORMAT csv, HEADER match, ENCODING 'UTF8')
COMMIT;
