-- Each arm of an experiment beside its control. Whether a difference may be believed: `connected-jobs results EXPERIMENT`.
select
    r.experiment, r.campaign, r.state, r.arm, r.is_control, r.started_at, r.planned_end, r.stopped_at, r.counted_until, r.members, r.clicked,
    r.applied, r.applications, r.applied_anyway, r.unsubscribed, 1.0 * r.applied / nullif(r.members, 0) as applied_share,
    1.0 * r.applied / nullif(r.members, 0) - 1.0 * c.applied / nullif(c.members, 0) as applied_share_above_control
from {{ ref('stg_results') }} as r
inner join {{ ref('stg_results') }} as c on c.experiment = r.experiment and c.day = r.day and c.is_control
