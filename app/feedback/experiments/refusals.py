"""Why an experiment cannot be as asked: each reason as a sentence in English and Korean, which says how to mend it."""

from __future__ import annotations

from enum import Enum
from typing import Final, Literal

_KEY: Final = "must be 1 to 64 of a-z, 0-9, - and _, beginning and ending with a letter or digit."
_KEY_KO: Final = "쓸 수 없는 글자가 있거나 너무 깁니다. 영문 소문자, 숫자, -, _로 64자까지 쓰고, 처음과 끝은 글자나 숫자로 하세요."


class Refusal(Enum):
    """A reason: its sentence in English and in Korean, with places for names."""

    ARMS_ON_RECORD = (
        "The arms on record cannot be read: {error}.",
        "저장된 안을 읽을 수 없습니다: {error}.",
    )
    EXPERIMENT_NAME = (
        f"The experiment's name '{{name}}' {_KEY}",
        f"실험 이름 '{{name}}': {_KEY_KO}",
    )
    CAMPAIGN_NAME = (f"The campaign '{{name}}' {_KEY}", f"캠페인 이름 '{{name}}': {_KEY_KO}")
    ARM_NAME = (f"The arm's name '{{name}}' {_KEY}", f"안 이름 '{{name}}': {_KEY_KO}")
    RECIPE_OF_ARM = (
        f"The recipe of the arm '{{arm}}' '{{name}}' {_KEY}",
        f"'{{arm}}'안의 레시피 이름 '{{name}}': {_KEY_KO}",
    )
    RECIPE_NAME = (f"The recipe's name '{{name}}' {_KEY}", f"레시피 이름 '{{name}}': {_KEY_KO}")
    RECIPE_BUILT_IN = (
        "'{name}' is a way to make lists that is always there: give the recipe another name.",
        "레시피 이름 '{name}': 언제나 있는 목록 방식의 이름입니다. 레시피에 다른 이름을 쓰세요.",
    )
    ARM_COUNT = (
        "An experiment has {fewest} to {most} arms, the first of them the control; there are {given}: write NAME=RECIPE once for each.",
        "실험에는 안이 {fewest}~{most}개 있어야 하고 첫째가 기준안입니다. 지금은 {given}개입니다. 안마다 이름=레시피를 한 번씩 쓰세요.",
    )
    ARM_TWICE = (
        "Two arms are named '{name}': give each a name of its own.",
        "이름이 '{name}'인 안이 둘입니다. 안마다 다른 이름을 쓰세요.",
    )
    SOME_PERCENTAGES = (
        "Some arms have a percentage and some have none: give all of them one, or none.",
        "비율이 있는 안과 없는 안이 섞여 있습니다. 모든 안에 비율을 쓰거나 모두 비워 두세요.",
    )
    PERCENTAGE_SUM = (
        "The arms' percentages add up to {sum:g}, and must to 100.",
        "안의 비율을 더하면 {sum:g}입니다. 합이 100이 되게 고치세요.",
    )
    PERCENTAGE = (
        "The percentage of the arm '{name}' must be above 0 and below 100, with two decimals at most, such as {name}:50; it is '{given}'.",
        "'{name}'안의 비율은 0보다 크고 100보다 작아야 하며 소수점 아래는 두 자리까지입니다(예: {name}:50). 지금은 '{given}'입니다.",
    )
    NAMED_AS_CAMPAIGN = (
        "An experiment needs another name than its campaign '{campaign}': results are asked for by either.",
        "실험 이름이 캠페인 이름 '{campaign}' 그대로입니다. 결과를 두 이름으로 찾으므로 다른 이름을 쓰세요.",
    )
    NOT_MAILED = (
        "'{campaign}' is no campaign that mails go out for: no result would come back.",
        "캠페인 '{campaign}'에서는 메일이 나가지 않아 결과를 알 수 없습니다. 메일을 보내는 캠페인을 고르세요.",
    )
    NAME_TAKEN = (
        "There is an experiment '{name}' already: give this one another name.",
        "이름이 '{name}'인 실험이 이미 있습니다. 다른 이름을 쓰세요.",
    )
    OTHER_RUNNING = (
        "The campaign '{campaign}' has the experiment '{name}' going on: stop that first, two at once could not be told apart.",
        "캠페인 '{campaign}'에는 이름이 '{name}'인 실험이 진행 중입니다. 둘을 함께 하면 효과를 가릴 수 없으니 먼저 그 실험을 멈추세요.",
    )
    STOPPED = (
        "The experiment '{name}' was stopped on {day}.",
        "이름이 '{name}'인 실험은 {day}에 이미 멈췄습니다.",
    )
    STOPPED_FOR_GOOD = (
        "The experiment '{name}' was stopped on {day} and does not go on again: make a new one.",
        "이름이 '{name}'인 실험은 {day}에 멈췄고 다시 시작할 수 없습니다. 새 실험을 만드세요.",
    )
    STARTED = (
        "The experiment '{name}' goes on since {day}; of one that was started nothing can be changed.",
        "이름이 '{name}'인 실험은 {day}부터 진행 중입니다. 시작한 실험은 바꿀 수 없습니다.",
    )
    UNKNOWN = (
        "There is no experiment '{name}': there are {others}.",
        "이름이 '{name}'인 실험이 없습니다. 있는 실험: {others}.",
    )
    NONE_AT_ALL = (
        "There is no experiment '{name}': there is none; `connected-jobs experiment create` makes one.",
        "이름이 '{name}'인 실험이 없습니다. 아직 만든 실험이 하나도 없습니다.",
    )
    NO_LISTS = (
        "The arm '{arm}' needs lists of the recipe '{recipe}', and none are in force: run `connected-jobs refresh --recipe {recipe}` first.",
        "'{arm}'안에는 레시피 '{recipe}'의 목록이 필요한데 쓸 수 있는 것이 없습니다. 먼저 `connected-jobs refresh --recipe {recipe}`를 실행하세요.",
    )
    ENDED = (
        "The planned end of the experiment '{name}' was {day}: make a new one with a later end.",
        "실험 '{name}'의 계획한 종료일은 {day}로 이미 지났습니다. 종료일을 늦춰 새로 만드세요.",
    )
    END_OUT_OF_REACH = (
        "The planned end {day} must be a day from today on, and within a year: today is {today}.",
        "계획한 종료일 {day}: 오늘({today})부터 1년 안의 날짜를 쓰세요.",
    )
    NO_DAY = (
        "The planned end '{given}' is no day: write it like 2026-12-31.",
        "계획한 종료일 '{given}': 날짜가 아닙니다. 2026-12-31처럼 쓰세요.",
    )


class ExperimentError(Exception):
    """An experiment that cannot be as asked; the sentence says why, and how to mend it."""

    def __init__(self, refusal: Refusal, **places: object) -> None:
        self.refusal, self.places = refusal, places
        super().__init__(self.said("en"))

    def said(self, lang: Literal["ko", "en"]) -> str:
        """The sentence in a language."""
        english, korean = self.refusal.value
        return (korean if lang == "ko" else english).format(**self.places)
