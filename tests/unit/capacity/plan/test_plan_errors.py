"""What a plan file's writer is told: for each mistake one sentence, with the place and the way out."""

import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.capacity.plan.json_values import DefinitionError, read_definition, read_plan_values
from app.capacity.plan.plan import parse_plan, parse_question
from app.capacity.plan.table import PlanError
from app.capacity.plan.times import as_json_values

HEAD = 'time_zone = "Asia/Seoul"\n'
AT = "at = 2026-11-23T09:00:00\n"
CAMPAIGN = f'[[campaigns]]\nname = "digest"\nkind = "at_once"\naudience = 1000\n{AT}'
PLAN = HEAD + CAMPAIGN
HERE = 'campaigns[1] "digest"'
WHOLE_MINUTE = (
    "write a local date and time on a whole minute and without an offset, such as 2026-11-23T09:00:00."
)
LIMITS = "write a whole number from 10 to 500,000."
AUDIENCE = "write a whole number from 0 to 100,000,000."
ZONES = 'write zones and their weights, such as {"Asia/Seoul" = 95, "America/New_York" = 5}.'


def kind(name: str, more: str = "") -> str:
    """A plan with one campaign of another kind."""
    return PLAN.replace('"at_once"', f'"{name}"') + more


TIMED = kind("intelligent_timing").replace(AT, "on = 2026-11-23\n")

MISTAKES = [
    ("", 'plan: time_zone is missing; write an IANA zone such as "Asia/Seoul".'),
    (HEAD, "plan: campaigns is missing; write 1 to 100 tables, each under a line [[campaigns]]."),
    (
        HEAD + "campaigns = []",
        "plan: campaigns is a list of 0; write 1 to 100 tables, each under a line [[campaigns]].",
    ),
    (
        HEAD + CAMPAIGN * 101,
        "plan: campaigns is a list of 101; write 1 to 100 tables, each under a line [[campaigns]].",
    ),
    (
        HEAD + "campaigns = [1]",
        "plan: campaigns is a list of 1; write 1 to 100 tables, each under a line [[campaigns]].",
    ),
    (
        HEAD + '[campaigns]\nname = "x"',
        'plan: campaigns is {"name": "x"}; write 1 to 100 tables, each under a line [[campaigns]].',
    ),
    (
        PLAN.replace("Asia/Seoul", "Asia/Soul"),
        'plan: time_zone is "Asia/Soul"; write an IANA zone such as "Asia/Seoul".',
    ),
    (
        PLAN.replace("Asia/Seoul", "../../etc/passwd"),
        'plan: time_zone is "../../etc/passwd"; write an IANA zone such as "Asia/Seoul".',
    ),
    (
        PLAN.replace("Asia/Seoul", "Asia"),
        'plan: time_zone is "Asia"; write an IANA zone such as "Asia/Seoul".',
    ),
    (PLAN.replace('"Asia/Seoul"', "9"), 'plan: time_zone is 9; write an IANA zone such as "Asia/Seoul".'),
    ("name = ", "plan: the file is not TOML (Invalid value (at end of document)); mend it there."),
    (
        PLAN + "retry = yes",
        "plan: the file is not TOML (Invalid value (at line 7, column 9)); mend it there.",
    ),
    (
        PLAN + "audience = 5",
        "plan: the file is not TOML (Cannot overwrite a value (at end of document)); mend it there.",
    ),
    ("x = " + "[" * 100_000, "plan: lists or tables are nested too deeply; write them flat."),
    ("#" * 1_000_001, "plan: the file has 1,000,001 characters; keep it to 1,000,000."),
    ("sead = 1\n" + PLAN, 'plan: "sead" is not a field of this table; write seed instead.'),
    ("seed = -1\n" + PLAN, "plan: seed is -1; write a whole number from 0 to 4,294,967,295."),
    (
        "workspace_limit_per_min = 9\n" + PLAN,
        "plan: workspace_limit_per_min is 9; write a whole number from 10 to 100,000,000.",
    ),
    (PLAN + CAMPAIGN, 'campaigns[2]: name is "digest" again; give each campaign its own name.'),
    (PLAN.replace('name = "digest"\n', ""), "campaigns[1]: name is missing; write a name in quotes."),
    (
        kind("rate_limited", "limit_per_minute = 5_000\n"),
        f'{HERE}: "limit_per_minute" is not a field of this table; write limit_per_min instead.',
    ),
    (
        PLAN.replace("audience", "Audience"),
        f'{HERE}: "Audience" is not a field of this table; write audience instead.',
    ),
    (
        PLAN.replace("audience", "audiance"),
        f'{HERE}: "audiance" is not a field of this table; write audience instead.',
    ),
    (
        PLAN.replace("time_zone", "timezone"),
        'plan: "timezone" is not a field of this table; write time_zone instead.',
    ),
    (
        PLAN.replace("[[campaigns]]", "[[campaign]]"),
        'plan: "campaign" is not a field of this table; write campaigns instead.',
    ),
    (
        PLAN.replace("at = 2026", "at = 9999"),
        f'{HERE}: at is "9999-11-23 09:00:00"; write a date of the years 2000 to 2099.',
    ),
    (
        PLAN.replace('"digest"', '" "'),
        'campaigns[1]: name is " "; write a name of 1 to 100 printable characters.',
    ),
    (
        PLAN.replace('"digest"', '"a\\u202eb"'),
        'campaigns[1]: name is "a\\u202eb"; write a name of 1 to 100 printable characters.',
    ),
    (
        PLAN.replace('"digest"', '"' + "x" * 101 + '"'),
        f'campaigns[1]: name is "{"x" * 38}…; write a name of 1 to 100 printable characters.',
    ),
    (
        kind("blast"),
        (
            f'{HERE}: kind is "blast"; write "at_once", "rate_limited", "local_time_zones", '
            '"intelligent_timing", "triggered" or "canvas_step".'
        ),
    ),
    (
        PLAN.replace("audience = 1000\n", ""),
        f"{HERE}: audience is missing; write one number or a table of low, likely and high.",
    ),
    (PLAN.replace("1000", "-1"), f"{HERE}: audience is -1; {AUDIENCE}"),
    (PLAN.replace("1000", "1e3"), f"{HERE}: audience is 1000.0; {AUDIENCE}"),
    (PLAN.replace("1000", "true"), f"{HERE}: audience is true; {AUDIENCE}"),
    (PLAN.replace("1000", "100_000_001"), f"{HERE}: audience is 100000001; {AUDIENCE}"),
    (PLAN.replace("1000", '"many"'), f'{HERE}: audience is "many"; {AUDIENCE}'),
    (PLAN.replace("1000", "{low = 1, likely = 2}"), f"{HERE} audience: high is missing; {AUDIENCE}"),
    (
        PLAN.replace("1000", "{low = 1, likely = 3, high = 2}"),
        f"{HERE}: audience is not in rising order; write low, likely and high from small to large.",
    ),
    (
        PLAN.replace("1000", "{low = 1, likely = 2, high = 3, top = 4}"),
        f'{HERE} audience: "top" is not a field of this table; remove it.',
    ),
    (PLAN.replace(AT, ""), f"{HERE}: at is missing; {WHOLE_MINUTE}"),
    (PLAN.replace("09:00:00", "09:00:30"), f'{HERE}: at is "2026-11-23 09:00:30"; {WHOLE_MINUTE}'),
    (PLAN.replace("09:00:00", "09:00:00Z"), f'{HERE}: at is "2026-11-23 09:00:00+00:00"; {WHOLE_MINUTE}'),
    (PLAN.replace("2026-11-23T09:00:00", "2026-11-23"), f'{HERE}: at is "2026-11-23"; {WHOLE_MINUTE}'),
    (
        PLAN + "limit_per_min = 100",
        f"{HERE}: limit_per_min does not belong to kind at_once; remove it or choose another kind.",
    ),
    (kind("rate_limited", "limit_per_min = 5"), f"{HERE}: limit_per_min is 5; {LIMITS}"),
    (kind("rate_limited", "limit_per_min = 500_001"), f"{HERE}: limit_per_min is 500001; {LIMITS}"),
    (
        PLAN + "calls_per_recipient = 0.5",
        f"{HERE}: calls_per_recipient is 0.5; write a number from 1 to 100.",
    ),
    (
        PLAN + f"calls_per_recipient = {10**400}",
        f"{HERE}: calls_per_recipient is 1{'0' * 38}…; write a number from 1 to 100.",
    ),
    (
        PLAN + "calls_per_recipient = nan",
        f"{HERE}: calls_per_recipient is NaN; write a number from 1 to 100.",
    ),
    (PLAN + "burst = inf", f"{HERE}: burst is Infinity; write a number from 1 to 60."),
    (PLAN + 'retry = "yes"', f'{HERE}: retry is "yes"; write true or false.'),
    (
        PLAN + "retry = true\nabort_on_failure = true",
        (
            f"{HERE}: abort_on_failure and retry are both true, but in Braze an abort on failure prevents "
            "retries; set one of them to false."
        ),
    ),
    (PLAN + "priority = 0", f"{HERE}: priority is 0; write a whole number from 1 to 9."),
    (PLAN + "audiense = 5", f'{HERE}: "audiense" is not a field of this table; write audience instead.'),
    (
        PLAN + "finish_by = 2026-11-23T09:00:00",
        f'{HERE}: finish_by is "2026-11-23 09:00:00"; write a time after the start ("2026-11-23 09:00:00").',
    ),
    (
        kind("local_time_zones"),
        f'{HERE}: zones is missing; write zones and their weights, such as {{"Asia/Seoul" = 95, "America/New_York" = 5}}.',
    ),
    (
        PLAN + 'zones = {"Mars/Base" = 1}',
        f'{HERE}: zones "Mars/Base" is not a time zone; write an IANA zone such as "Asia/Seoul".',
    ),
    (PLAN + 'zones = {"Asia/Seoul" = 0}', f'{HERE}: zones is {{"Asia/Seoul": 0}}; {ZONES}'),
    (PLAN + "zones = {}", f"{HERE}: zones is {{}}; {ZONES}"),
    (
        PLAN + "quiet_hours = {begin = 08:00:00, end = 08:00:00}",
        f"{HERE}: quiet_hours lasts no time or more than 20 hours; write a begin and an end at most 20 h apart.",
    ),
    (
        PLAN + "quiet_hours = {begin = 08:00:00, end = 04:01:00}",
        f"{HERE}: quiet_hours lasts no time or more than 20 hours; write a begin and an end at most 20 h apart.",
    ),
    (
        PLAN + "quiet_hours = {begin = 21:00:00}",
        f"{HERE} quiet_hours: end is missing; write a time of day on a whole minute, such as 21:00:00.",
    ),
    (kind("triggered"), f"{HERE}: ends_at is missing; {WHOLE_MINUTE}"),
    (
        kind("triggered", "ends_at = 2026-11-30T09:01:00"),
        (
            f'{HERE}: ends_at is "2026-11-30 09:01:00"; write a time after at ("2026-11-23 09:00:00"), '
            "at most 7 days later."
        ),
    ),
    (
        kind("triggered", "ends_at = 2026-11-23T11:00:00\nhourly = [1, 2, 3]"),
        f"{HERE}: hourly is [1, 2, 3]; write a list of 2 numbers that are not negative, at least one above 0.",
    ),
    (
        kind("canvas_step", "hourly = [1, 2, 3]"),
        f"{HERE}: hourly has no ends_at beside it; write ends_at, or remove hourly.",
    ),
    (
        TIMED + "users_per_hour = [1, 2]",
        f"{HERE}: users_per_hour is [1, 2]; write a list of 24 numbers that are not negative, at least one above 0.",
    ),
    (
        TIMED + f"users_per_hour = [{'1, ' * 24}]\nfallback_share = 1.5",
        f"{HERE}: fallback_share is 1.5; write a number from 0 to 1.",
    ),
    (
        PLAN + "[service]\nceiling_rps = -1",
        "service: ceiling_rps is -1; write a number from 0 to 1,000,000.",
    ),
    (
        PLAN + "[service]\nceiling_rps = 100\nsoft_rps = 90\nhard_rps = 80",
        "service: hard_rps is below soft_rps; write a hard line at or above the soft line.",
    ),
    ("service = 5\n" + PLAN, "plan: service is 5; write it as a table."),
    (
        PLAN + "[[failures]]\nminutes = [2, 1]\ncounts = {503 = 1}",
        "failures[1]: minutes is [2, 1]; write one minute, or the first and the last.",
    ),
    (
        PLAN + "[[failures]]\nminutes = [0]\ncounts = {503 = 1}",
        "failures[1]: minutes is [0]; write a list of 1 to 100 whole numbers from 1 to 10,000.",
    ),
    (
        PLAN + "[[failures]]\nminutes = [1]",
        "failures[1]: counts or shares must be there, and not both; write one of the two.",
    ),
    (
        PLAN + "[[failures]]\nminutes = [1]\ncounts = {200 = 1}",
        'failures[1]: counts "200" is not an outcome; write a status from 300 to 599, cut_off or degraded.',
    ),
    (
        PLAN + "[[failures]]\nminutes = [1]\ncounts = {503 = 1.5}",
        "failures[1]: counts has a broken number; write whole numbers of calls, or use shares.",
    ),
    (
        PLAN + "[[failures]]\nminutes = [1]\nshares = {503 = 0.6, 500 = 0.6}",
        "failures[1]: shares add up to more than 1; write shares of the minute's calls.",
    ),
    (
        PLAN
        + "[[failures]]\nminutes = [1, 3]\nshares = {503 = 1}\n[[failures]]\nminutes = [3]\nshares = {503 = 1}",
        "failures[2]: minutes overlaps an earlier table's; script every minute once.",
    ),
    (
        PLAN + "[assumptions]\ncache_age_s = 60",
        "assumptions: cache_age_s is 60; write a whole number from 300 to 14,400.",
    ),
    (
        PLAN + '[assumptions]\nbreaker_resume = "slowly"',
        'assumptions: breaker_resume is "slowly"; write "probing" or "full_speed".',
    ),
    (
        PLAN + "[assumptions]\nbreaker_statuses = [503, 900]",
        "assumptions: breaker_statuses is [503, 900]; write a list of 1 to 100 whole numbers from 400 to 599.",
    ),
    (
        PLAN + "[assumptions]\nmax_retry = 5",
        'assumptions: "max_retry" is not a field of this table; write max_retries instead.',
    ),
    (
        PLAN + "[judging]\nusable_share = 0",
        "judging: usable_share is 0; write a number from 0.01 to 1.",
    ),
    (
        PLAN + "[judging]\nbase_load_rps = [1, 2]",
        "judging: base_load_rps is [1, 2]; write one number from 0 to 1,000,000, or a list of 24.",
    ),
    (
        PLAN + '[judging]\nbase_load_rps = "few"',
        'judging: base_load_rps is "few"; write a number from 0 to 1,000,000.',
    ),
    (
        PLAN + "[judging]\noffered_limits_per_min = [100, 50]",
        "judging: offered_limits_per_min is not in rising order; write small limits first.",
    ),
]


@pytest.mark.parametrize(("text", "sentence"), MISTAKES, ids=[str(number) for number in range(len(MISTAKES))])
def test_each_mistake_is_answered_by_one_sentence_with_the_place_and_the_way_out(
    text: str, sentence: str
) -> None:
    with pytest.raises(PlanError) as refused:
        parse_plan(text)
    assert str(refused.value) == sentence


def as_json(value: Any) -> Any:
    """A TOML value as JSON holds it."""
    if isinstance(value, list):
        return [as_json(one) for one in value]
    return as_json_values(value) if isinstance(value, dict) else value


@pytest.mark.parametrize(("text", "sentence"), MISTAKES, ids=[str(number) for number in range(len(MISTAKES))])
def test_a_plan_given_as_json_is_refused_in_the_same_words(text: str, sentence: str) -> None:
    try:
        values = {name: as_json(value) for name, value in tomllib.loads(text).items()}
    except (tomllib.TOMLDecodeError, RecursionError):
        return  # what TOML cannot say
    with pytest.raises(PlanError) as refused:
        read_plan_values(values)
    if not str(refused.value).startswith("plan: campaigns is no list of tables"):  # a file says it as [[ ]]
        assert str(refused.value).replace("T", " ") == sentence.replace("T", " ")  # text keeps its T


def test_a_speed_is_left_open_where_it_is_asked_for_and_nowhere_else() -> None:
    text, sentence = kind("rate_limited"), f"limit_per_min is missing; {LIMITS}"
    assert [one.open_speed for one in parse_question(text).campaigns] == [True]
    with pytest.raises(PlanError) as refused:
        parse_plan(text)
    assert str(refused.value) == f"{HERE}: {sentence}"
    with pytest.raises(DefinitionError) as refused_on_record:
        read_definition(tomllib.loads(text)["campaigns"][0])
    assert (str(refused_on_record.value), refused_on_record.value.field) == (
        sentence.capitalize(),
        "limit_per_min",
    )


def test_a_number_of_thousands_of_digits_is_refused() -> None:
    """Python words this refusal itself, differently from version to version."""
    with pytest.raises(PlanError, match=r"^plan: the file is not TOML \(.*\); mend it there\.$"):
        parse_plan(PLAN.replace("1000", "9" * 5_000))


@settings(max_examples=300)
@given(st.integers(0, len(PLAN)), st.integers(0, 30), st.text(max_size=8))
def test_a_damaged_plan_is_read_or_refused_by_a_sentence(start: int, length: int, put: str) -> None:
    sentence = "."
    try:
        parse_plan(PLAN[:start] + put + PLAN[start + length :])
    except PlanError as refused:
        sentence = str(refused)
    assert sentence.endswith(".")
