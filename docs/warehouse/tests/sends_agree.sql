-- Counted here from the rows, and by `connected-jobs outcomes`: where both differ, something was read since it ran.
{{ config(severity='warn') }}
select m.day, m.campaign, m.arm, m.mailed, s.mailed as mailed_there, m.clicks, s.clicks as clicks_there, m.applications,
    s.applications as applications_there
from {{ ref('mart_send_arms') }} as m
inner join {{ ref('stg_sends') }} as s on s.day = m.day and s.campaign = m.campaign and coalesce(s.arm, '') = coalesce(m.arm, '')
where m.mailed <> s.mailed or m.clicks <> s.clicks or m.scanners <> s.scanners or m.applications <> s.applications
    or (m.of_nobody_known = 0 and (m.members <> s.members or m.clicked <> s.clicked or m.applied <> s.applied))
