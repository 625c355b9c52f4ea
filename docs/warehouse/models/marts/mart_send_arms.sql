-- What a campaign's mails of a day came to in each arm within 7 days, from the rows themselves. A mail is a rid of a day, and the day
-- is the board's: Seoul is 9 hours before UTC all year.
with mail as (
    select cast(sent_at + interval '9' hour as date) as day, rid, member_id, campaign, arm, sent_at
    from {{ ref('stg_exposures') }}
    where true
    qualify row_number() over (partition by cast(sent_at + interval '9' hour as date), rid order by sent_at, event_id) = 1
),

mailed as (
    select
        day, campaign, arm, count(*) as mailed, count(distinct member_id) as members,
        sum(case when member_id is null then 1 else 0 end) as of_nobody_known, min(sent_at) as first_sent_at
    from mail
    group by day, campaign, arm
),

clicked as (
    select
        m.day, m.campaign, m.arm, count(distinct case when c.person then m.member_id end) as clicked,
        sum(case when c.person then 1 else 0 end) as clicks, sum(case when not c.person then 1 else 0 end) as scanners,
        sum(case when c.person is null then 1 else 0 end) as not_looked_at
    from mail as m
    inner join {{ ref('stg_clicks') }} as c on c.rid = m.rid and c.day between m.day - 1 and m.day + 7
    group by m.day, m.campaign, m.arm
),

applied as (
    select m.day, m.campaign, m.arm, count(distinct m.member_id) as applied, count(*) as applications
    from mail as m
    inner join {{ ref('stg_outcomes') }} as o on o.rid = m.rid and o.day between m.day - 1 and m.day + 7
    group by m.day, m.campaign, m.arm
)

select
    s.day, s.campaign, s.arm, s.first_sent_at, s.mailed, s.members, s.of_nobody_known, coalesce(c.clicked, 0) as clicked,
    coalesce(c.clicks, 0) as clicks, coalesce(c.scanners, 0) as scanners, coalesce(c.not_looked_at, 0) as not_looked_at,
    coalesce(a.applied, 0) as applied, coalesce(a.applications, 0) as applications, t.unsubscribed, t.marked_spam, t.bounced,
    t.soft_bounced, t.aborted
from mailed as s
left join clicked as c on c.day = s.day and c.campaign = s.campaign and coalesce(c.arm, '') = coalesce(s.arm, '')
left join applied as a on a.day = s.day and a.campaign = s.campaign and coalesce(a.arm, '') = coalesce(s.arm, '')
left join {{ ref('stg_sends') }} as t on t.day = s.day and t.campaign = s.campaign and coalesce(t.arm, '') = coalesce(s.arm, '')
