SELECT m.mail_consent AND m.withdrawn_at IS NULL,
       array_to_string(l.posting_ids, chr(31)),
       l.reasons,
       array_to_string(ARRAY(SELECT a.posting_id
                             FROM board.activity a
                             WHERE a.member_id = $3::text AND a.kind = 'apply' AND a.occurred_at > $1::timestamptz
                               AND m.mail_consent AND m.withdrawn_at IS NULL), chr(31))
FROM board.member m
LEFT JOIN LATERAL (SELECT r.posting_ids, r.reasons
                   FROM connected_jobs.recommendation_list r
                   WHERE r.run_id = $2::bigint AND r.member_id = m.id
                     AND m.mail_consent AND m.withdrawn_at IS NULL
                   OFFSET 0) l ON true
WHERE m.id = $3::text
