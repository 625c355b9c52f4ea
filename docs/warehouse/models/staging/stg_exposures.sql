select day, event_id, rid, member_id, campaign, variation_id, source, arm, shown, sent_at
from {{ source('connected_jobs', 'exposures') }}
{{ latest(['event_id']) }}
