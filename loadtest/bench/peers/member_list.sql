SELECT m.mail_consent AND m.withdrawn_at IS NULL,
       pg_catalog.array_to_string(l.posting_ids, pg_catalog.chr(31)),
       l.reasons,
       pg_catalog.array_to_string(
           ARRAY(SELECT a.posting_id
                 FROM board.activity a
                 WHERE a.member_id = $2::text AND a.kind = 'apply'
                   AND m.mail_consent AND m.withdrawn_at IS NULL),
           pg_catalog.chr(31)),
       pg_catalog.array_to_string(l.anchors, pg_catalog.chr(31)),
       l.anchored
FROM board.member m
LEFT JOIN LATERAL (SELECT r.posting_ids, r.reasons, r.anchors, r.anchored
                   FROM connected_jobs.recommendation_list r
                   WHERE r.run_id = $1::bigint AND r.member_id = m.id
                     AND m.mail_consent AND m.withdrawn_at IS NULL
                   OFFSET 0) l ON true
WHERE m.id = $2::text
