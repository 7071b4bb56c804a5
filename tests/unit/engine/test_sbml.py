"""SBML and Antimony files: read, refused by name, run from the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aftercar.engine import UnsupportedFeatureError, read_model, simulate
from aftercar.engine.__main__ import main
from aftercar.engine.run_file import IntegrationError, TimeCourse, simulate_network
from aftercar.foundation import InputError

DECAY = "model decay\n compartment C = 2; species S in C; S = 3; k = 0.5; S -> ; k*S*C;\nend"


def course(text: str, duration: float = 4.0, steps: int = 4, **more: object) -> pd.DataFrame:
    return simulate_network(read_model(text), TimeCourse(0.0, duration, steps, 1e-9, 1e-12), **more)  # type: ignore[arg-type]


def test_a_species_is_a_concentration_unless_its_amount_is_asked_for() -> None:
    table = course(DECAY, variables=["S"])
    np.testing.assert_allclose(table["S"], 3 * np.exp(-0.5 * table["time"]), rtol=1e-8)
    np.testing.assert_allclose(course(DECAY, variables=["S"], amounts=["S"])["S"], 2 * table["S"], rtol=1e-12)


def test_a_compartment_without_a_size_counts_as_one() -> None:
    text = "model m\n compartment C; species S in C; S = 3; k = 0.5; S -> ; k*S*C;\nend"
    network = read_model(text)
    assert next(p.value for p in network.parameters if p.id == "C") == 1.0
    table = course(text, variables=["S"], amounts=["S"])
    np.testing.assert_allclose(table["S"], 3 * np.exp(-0.5 * table["time"]), rtol=1e-8)


def test_files_and_python_models_run_through_the_same_door() -> None:
    data = simulate(read_model(DECAY), times=[0, 1], patients={"k": [0.1, 0.2]}, outputs=["[S]", "k"])
    np.testing.assert_allclose(data["[S]"][:, 1], 3 * np.exp([-0.1, -0.2]), rtol=1e-5)


def test_an_event_acts_at_the_exact_moment_of_its_trigger() -> None:
    # x = exp(-t) reaches 1/2 at ln 2 and is set to 2; at t = 2 ln 2 it is 1
    table = course("model m\n x' = -x; x = 1; at (x < 0.5): x = 2;\nend", 2 * np.log(2), 2, variables=["x"])
    assert table["x"].iloc[-1] == pytest.approx(1.0, rel=1e-8)


def test_events_wait_for_their_delay_and_keep_the_values_of_their_trigger() -> None:
    text = "model m\n x' = 1; x = 0; y = 0; E: at 2 after (x > 1): y = x;\nend"
    table = course(text, 6.0, 12, variables=["y"])
    assert list(table["y"][:6]) == [0.0] * 6
    assert table["y"].iloc[-1] == pytest.approx(1.0, rel=1e-9)


def test_priorities_decide_who_goes_first() -> None:
    text = "model m\n y = 1; A: at (time >= 1), priority=1: y = y*10; B: at (time >= 1), priority=2: y = y+1;\nend"
    # values are those of the trigger (y = 1): B sets 2 first, then A sets 10; the other order would end at 2
    assert course(text, 2.0, 2, variables=["y"])["y"].iloc[-1] == pytest.approx(10.0)


def test_a_condition_true_only_within_a_step_is_seen() -> None:
    text = "model m\n x' = 1; x = 0; y = 0; at (x > 50) && (x < 50.001): y = 1;\nend"
    assert course(text, 100.0, 2, variables=["y"])["y"].iloc[-1] == 1.0


def wrap(inside: str) -> str:
    return (
        '<?xml version="1.0"?><sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1">'
        f'<model id="m"><listOfParameters><parameter id="x" value="1" constant="false"/></listOfParameters>{inside}'
        "</model></sbml>"
    )


MATH = '<math xmlns="http://www.w3.org/1998/Math/MathML">{}</math>'


@pytest.mark.parametrize(
    ("inside", "feature", "place"),
    [
        (
            f"<listOfRules><algebraicRule>{MATH.format('<ci> x </ci>')}</algebraicRule></listOfRules>",
            "algebraic rule",
            "rule 1",
        ),
        (
            '<listOfRules><rateRule variable="x">'
            + MATH.format(
                '<apply><csymbol encoding="text" definitionURL="http://www.sbml.org/sbml/symbols/delay"> delay '
                "</csymbol>"
                "<ci> x </ci><cn> 1 </cn></apply>"
            )
            + "</rateRule></listOfRules>",
            "delay",
            "x",
        ),
        (
            f"<listOfConstraints><constraint>{MATH.format('<apply><gt/><ci> x </ci><cn> 0 </cn></apply>')}</constraint>"
            "</listOfConstraints>",
            "constraint",
            "m",
        ),
        (
            '<listOfReactions><reaction id="r" reversible="false" fast="true"><kineticLaw>'
            + MATH.format("<ci> x </ci>")
            + "</kineticLaw></reaction></listOfReactions>",
            "fast reaction",
            "r",
        ),
    ],
    ids=["algebraic", "delay", "constraint", "fast"],
)
def test_what_is_not_computed_is_refused_by_name(
    inside: str, feature: str, place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UnsupportedFeatureError) as caught:
        read_model(wrap(inside))
    assert (caught.value.feature, caught.value.place) == (feature, place)
    path = tmp_path / "m.xml"
    path.write_text(wrap(inside))
    options = ["--duration", "1", "--steps", "2", "--variables", "x", "--out", str(tmp_path / "out.csv")]
    assert main(["run", str(path), *options]) == 3
    assert f"unsupported: {feature} at {place}" in capsys.readouterr().err
    assert not (tmp_path / "out.csv").exists()


def test_the_command_writes_a_table(tmp_path: Path) -> None:
    model, out = tmp_path / "decay.ant", tmp_path / "out.csv"
    model.write_text(DECAY)
    options = ["--start", "0", "--duration", "2", "--steps", "4", "--variables", "S,k", "--amount", "S"]
    assert main(["run", str(model), *options, "--rtol", "1e-9", "--out", str(out)]) == 0
    table = pd.read_csv(out)
    assert list(table.columns) == ["time", "S", "k"]
    np.testing.assert_allclose(table["S"], 6 * np.exp(-0.5 * table["time"]), rtol=1e-7)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--variables", "T"], "no variable 'T'"),
        (["--variables", "S", "--steps", "0"], "0 steps"),
        (["--variables", "S", "--rtol", "2"], "2.0 is no tolerance"),
        (["--variables", "S", "--duration", "-1"], "-1.0 is no length of time"),
    ],
)
def test_bad_options_are_named(
    options: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "decay.ant"
    model.write_text(DECAY)
    given = ["run", str(model), "--duration", "2", "--steps", "4", "--out", str(tmp_path / "o.csv"), *options]
    assert main(given) == 2
    assert words in capsys.readouterr().err


def test_files_that_are_no_models_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not valid Antimony"):
        read_model("model m\n x -> ;; -> y")
    with pytest.raises(InputError, match="not valid SBML"):
        read_model("<sbml><nonsense/></sbml>")


def test_a_run_that_cannot_end_says_where_and_why() -> None:
    with pytest.raises(IntegrationError, match=r"stopped at time 1: "):
        course("model m\n x' = x^2; x = 1;\nend", variables=["x"])
