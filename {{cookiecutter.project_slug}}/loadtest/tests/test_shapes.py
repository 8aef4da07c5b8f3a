"""Each shape as a table of seconds and users, and invalid settings."""

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from shapes import SHAPES, Settings

SETTINGS = Settings(low=10, high=110, period=100, width=20)

TABLES = {
    "constant": {0: 110, 1000: 110},
    "ramp": {0: 10, 50: 60, 99: 109, 100: 110, 1000: 110},
    "step": {0: 10, 19: 10, 20: 30, 39: 30, 40: 50, 99: 90, 100: 110, 1000: 110},
    "spike": {0: 10, 40: 10, 41: 110, 59: 110, 60: 10, 149: 10, 151: 10},
    "pulse": {0: 10, 40: 10, 41: 110, 59: 110, 60: 10, 140: 10, 141: 110, 159: 110, 160: 10},
    "soak": {0: 10, 10: 60, 20: 110, 80: 110, 90: 60, 100: 10, 1000: 10},
}


@pytest.mark.parametrize(
    ("shape", "second", "users"),
    [(shape, second, users) for shape, table in TABLES.items() if shape in SHAPES for second, users in table.items()],
)
def test_a_shape_has_so_many_users_at_a_second(shape: str, second: int, users: int) -> None:
    assert SHAPES[shape](second, SETTINGS) == users


@pytest.mark.parametrize("shape", SHAPES)
def test_no_shape_leaves_the_range_from_low_to_high(shape: str) -> None:
    for settings in (SETTINGS, Settings(0, 1, 1, 1), Settings(7, 7, 90, 60)):
        assert {SHAPES[shape](second / 4, settings) for second in range(1000)} <= set(
            range(settings.low, settings.high + 1)
        )


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape in TABLES])
def test_every_shape_names_the_question_that_it_answers(shape: str) -> None:
    assert "?" in (SHAPES[shape].__doc__ or "")


@pytest.mark.parametrize(
    ("field", "value"),
    [("low", "-1"), ("low", "51"), ("high", "0"), ("period", "0"), ("width", "0"), ("width", "121"), ("low", "many")],
)
def test_an_invalid_setting_is_rejected_with_the_name_of_the_field(field: str, value: str) -> None:
    values = {"low": 1, "high": 50, "period": 120, "width": 60, field: value}
    with pytest.raises(ValueError, match=rf"^{field if value != '51' else 'high'} is "):
        Settings.read(values)


numbers = (st.integers(-1, 200) | st.integers(-1, 2**63)).map(str)


@hypothesis_settings(derandomize=True, database=None, deadline=None, max_examples=200)
@given(numbers, numbers, numbers, numbers | st.text(max_size=5), st.floats(0, 1e9))
def test_any_texts_are_settings_of_all_shapes_or_rejected(
    low: str, high: str, period: str, width: str, second: float
) -> None:
    values = {"low": low, "high": high, "period": period, "width": width}
    try:
        settings = Settings.read(values)
    except ValueError:
        return
    assert all(settings.low <= shape(second, settings) <= settings.high for shape in SHAPES.values())
