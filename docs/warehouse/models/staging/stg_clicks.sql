-- person is null until `connected-jobs outcomes` has looked at the click: neither a person's nor a scanner's.
select day, event_id, rid, member_id, campaign, arm, posting_id, position, clicked_at, person, taken_by
from {{ source('connected_jobs', 'clicks') }}
{{ latest(['event_id']) }}
