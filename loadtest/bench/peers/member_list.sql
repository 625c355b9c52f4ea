SELECT m.mail_consent AND coalesce(m.withdrawn_at, 'infinity') >= '2099-01-01 00:00:00+00'
       AND NOT EXISTS (SELECT FROM connected_jobs.consent c WHERE c.member_id = $2::text AND c.withdrawn),
       pg_catalog.array_to_string(l.posting_ids, pg_catalog.chr(31)),
       l.reasons,
       pg_catalog.array_to_string(
           ARRAY(SELECT a.posting_id
                 FROM board.activity a
                 WHERE a.member_id = $2::text AND a.kind = 'apply'
                   AND m.mail_consent AND coalesce(m.withdrawn_at, 'infinity') >= '2099-01-01 00:00:00+00'),
           pg_catalog.chr(31)),
       pg_catalog.array_to_string(l.anchors, pg_catalog.chr(31)),
       l.anchored,
       pg_catalog.array_to_string(
           ARRAY(SELECT s.id || pg_catalog.chr(30) || pg_catalog.array_to_string(s.shown, pg_catalog.chr(31))
                        || pg_catalog.chr(30) || pg_catalog.array_to_string(s.clicked, pg_catalog.chr(31))
                 FROM connected_jobs.lately_shown s
                 WHERE s.member_id = $2::text AND m.mail_consent AND coalesce(m.withdrawn_at, 'infinity') >= '2099-01-01 00:00:00+00'
                   AND s.counts_from <= COALESCE((SELECT k.first_at FROM connected_jobs.send_run k
                                                  WHERE k.campaign = pg_catalog.split_part($3::text, pg_catalog.chr(31), 1)
                                                    AND k.send = pg_catalog.split_part($3::text, pg_catalog.chr(31), 2)
                                                    AND k.until > pg_catalog.now()), pg_catalog.now())
                   AND s.counts_from > (SELECT w.cutoff_at FROM connected_jobs.refresh_run r
                                        JOIN connected_jobs.refresh_run w
                                          ON w.id = COALESCE((r.measures ->> 'model')::bigint, r.id)
                                        WHERE r.id = $1::bigint
                                          AND COALESCE((w.options ->> 'learn_from_mails')::boolean, true))),
           pg_catalog.chr(29))
FROM board.member m
LEFT JOIN LATERAL (SELECT r.posting_ids, r.reasons, r.anchors, r.anchored
                   FROM connected_jobs.recommendation_list r
                   WHERE r.run_id = $1::bigint AND r.member_id = $2::text
                     AND m.mail_consent AND coalesce(m.withdrawn_at, 'infinity') >= '2099-01-01 00:00:00+00'
                   OFFSET 0) l ON true
WHERE m.id = $2::text AND m.id COLLATE "C" = $2::text
