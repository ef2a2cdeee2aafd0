import pytest

from mountbook.errors import UserError
from mountbook.simulate.options import FAULTS, Faults, Options, Phase, parse_burst, parse_faults


def test_faults_have_names_and_amounts() -> None:
    faults = parse_faults("kill-collector, lose:0.5,delay")
    assert faults.amounts == {"kill-collector": 1.0, "lose": 0.5, "delay": 2.0}
    assert str(faults) == "kill-collector,lose:0.5,delay:2"
    assert faults.amount("duplicate") == 0.0


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_can_be_had_without_an_amount(name: str) -> None:
    assert parse_faults(name).amount(name) > 0


def test_no_faults_are_none() -> None:
    assert not parse_faults("")
    assert parse_faults("lose:0.1")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("loose:0.3", "There is no fault 'loose'; the faults are kill-collector"),
        ("lose:2", "a share above 0"),
        ("lose:much", "a share above 0"),
        ("delay:0", "seconds above 0"),
        ("delay:nan", "seconds above 0"),
        ("kill-collector:3", "takes no amount"),
    ],
)
def test_what_is_no_fault_is_told(text: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        parse_faults(text)


def test_a_burst_is_a_rate_and_a_length() -> None:
    assert parse_burst("500:60") == Phase(500.0, 60.0)


@pytest.mark.parametrize("text", ["500", "500:", "0:60", "many:60", "500:60:1", "nan:1"])
def test_what_is_no_burst_is_told(text: str) -> None:
    with pytest.raises(UserError, match="write RATE:SECONDS"):
        parse_burst(text)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (Options(url="http://x"), "also name the collector's database"),
        (Options(url="http://x", database="y", faults=Faults({"kill-collector": 1.0})), "leave out --url"),
        (Options(database="y", faults=Faults({"kill-postgres": 1.0})), "leave out --database"),
    ],
)
def test_what_cannot_be_simulated_is_told_before_anything_starts(options: Options, said: str) -> None:
    with pytest.raises(UserError, match=said):
        options.check()


def test_phases_follow_one_another() -> None:
    options = Options(phases=(Phase(50, 60), Phase(500, 30)))
    options.check()
    assert options.seconds == 90
