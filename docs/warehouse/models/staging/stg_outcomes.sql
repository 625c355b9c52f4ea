select day, member_id, posting_id, applied_at, rid, campaign, arm, basis, lag_s
from {{ source('connected_jobs', 'outcomes') }}
{{ latest(['member_id', 'posting_id', 'applied_at']) }}
