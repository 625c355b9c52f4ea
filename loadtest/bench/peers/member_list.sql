SELECT m.mail_consent AND m.withdrawn_at IS NULL,
       array_to_string(l.posting_ids, chr(31)),
       l.reasons,
       array_to_string(ARRAY(SELECT a.posting_id
                             FROM board.activity a
                             WHERE a.member_id = m.id AND a.kind = 'apply' AND a.occurred_at > $1::timestamptz
                               AND m.mail_consent AND m.withdrawn_at IS NULL), chr(31))
FROM board.member m
LEFT JOIN connected_jobs.recommendation_list l
       ON l.run_id = $2::bigint AND l.member_id = m.id AND m.mail_consent AND m.withdrawn_at IS NULL
WHERE m.id = $3::text
