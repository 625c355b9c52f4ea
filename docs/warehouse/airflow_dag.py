"""The circle each night, for Airflow: the tables out, dbt over them, and what it says of members to Braze.

The same as the cron line of README.md. Its connection's secrets are those of the worker's environment: DATABASE_URL_FILE,
CJ_BRAZE_KEY_FILE, and the bucket's.
"""

from datetime import UTC, datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, chain

FOLDER = "/srv/connected-jobs/docs/warehouse"
STEPS = {
    "export": 'connected-jobs warehouse export "$WAREHOUSE"',
    "dbt": "dbt build",
    "load": 'psql "$DATABASE_URL" -qf load.sql',
    "sync": "connected-jobs sync run attributes.toml",
}

with DAG(
    "connected_jobs_warehouse",
    schedule="0 4 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=10), "cwd": FOLDER, "append_env": True},
):
    chain(*[BashOperator(task_id=name, bash_command=command) for name, command in STEPS.items()])
