select
    day, experiment, campaign, state, arm, is_control, share, recipe, members, clicked, applied, applications, applied_anyway,
    unsubscribed, started_at, planned_end, stopped_at, counted_until
from {{ source('connected_jobs', 'results') }}
{{ latest(['experiment', 'arm']) }}
