-- What attributes.toml sends to Braze: coarse, so that few values change in a day. A member stays in here as long as any row of theirs
-- does, so that what was sent once is brought down again.
{{ config(
    materialized='external' if target.type == 'duckdb' else 'table',
    location=env_var('WAREHOUSE_ATTRIBUTES', 'member_attributes.csv'),
    format='csv'
) }}
with member as (
    select distinct e.member_id
    from (
        select member_id from {{ ref('stg_exposures') }}
        union all
        select member_id from {{ ref('stg_clicks') }}
        union all
        select member_id from {{ ref('stg_outcomes') }}
    ) as e
    where e.member_id is not null
),

mailed as (
    select member_id, count(distinct rid) as mails
    from {{ ref('stg_exposures') }}
    where day > {{ var('today') }} - 28
    group by member_id
),

clicked as (
    select member_id, count(*) as clicks
    from {{ ref('stg_clicks') }}
    where person and day > {{ var('today') }} - 28
    group by member_id
),

applied as (
    select member_id, max(day) as last_day
    from {{ ref('stg_outcomes') }}
    group by member_id
)

select
    m.member_id,
    case when s.mails >= 8 then '8+' when s.mails >= 4 then '4-7' when s.mails >= 1 then '1-3' else '0' end as cj_mails_28d,
    case when c.clicks >= 4 then '4+' when c.clicks >= 1 then '1-3' else '0' end as cj_clicks_28d,
    a.last_day as cj_applied_from_mail
from member as m
left join mailed as s on s.member_id = m.member_id
left join clicked as c on c.member_id = m.member_id
left join applied as a on a.member_id = m.member_id
order by m.member_id
