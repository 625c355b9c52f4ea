"""What profiles say, as codes and columns."""

from __future__ import annotations

from dataclasses import replace

from app.board.model import Education, Member
from app.recommend.features.profiles import ProfileOneHotEncoder, codes_of


def test_a_profile_is_its_texts_and_its_numbers_in_steps() -> None:
    member = Member(
        id="m",
        categories=("2",),
        regions=("101000/강남구",),
        skills=("Go",),
        career_years=3.1,
        education=Education.BACHELOR,
        desired_salary=40_000_000,
        salary_unit="KRW/year",
    )
    assert codes_of(member) == {
        "category 2",
        "region 101000",
        "region 101000/강남구",
        "skill go",
        "skill skill go",
        "career 3",
        f"education {int(Education.BACHELOR)}",
        "pay 53 KRW/year",
    }
    assert codes_of(replace(member, career_years=3.4)) == codes_of(member)
    assert codes_of(replace(member, desired_salary=400_000_000)) != codes_of(member)
    assert codes_of(Member(id="m")) == set()


def test_what_fewer_than_three_members_say_is_no_column() -> None:
    codes = ProfileOneHotEncoder.fit(
        [Member(id="m", categories=("2",), regions=("1",) * (at < 2)) for at in range(3)]
    )
    assert list(codes.columns) == ["category 2"]
    assert codes.transform([Member(id="m", regions=("1",)), Member(id="n", categories=("2",))]).toarray().tolist() == [
        [0],
        [1],
    ]  # fmt: skip


def test_without_columns_nobody_says_anything() -> None:
    assert ProfileOneHotEncoder.fit([]).transform([Member(id="m", categories=("2",))]).shape == (1, 0)
