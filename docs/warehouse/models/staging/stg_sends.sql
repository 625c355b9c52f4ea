select
    day, campaign, arm, mailed, members, clicked, clicks, scanners_flagged + scanners_burst + scanners_too_soon as scanners, applied,
    applications_clicked + applications_seen + applications_drawn as applications, unsubscribed, marked_spam, bounced, soft_bounced,
    aborted
from {{ source('connected_jobs', 'sends') }}
{{ latest(['campaign', 'arm']) }}
