"""A schedule written into the model as events gives what the same schedule gives when it is handed to `simulate`."""

from __future__ import annotations

import libsbml
import numpy as np
import pytest

from aftercar.engine import Dose, Infusion, Network, Quantity, Settings, read_model, simulate, trace_model, write_sbml
from aftercar.engine.dosed import with_schedule
from aftercar.engine.expressions import intermediate_names, named
from aftercar.foundation import InputError

TIGHT = Settings(rtol=1e-10, atol=1e-12)


def kinetics(depot, central, time, absorption, clearance, volume):
    rate = named("elimination", clearance / volume, unit="1/day", intermediate=True)
    return {
        "depot": -absorption * depot,
        "central": absorption * depot - rate * (1.0 + 0.1 * time / 10.0) * central,
    }


def make() -> Network:
    return trace_model(
        kinetics,
        states={"depot": Quantity(0.0, "mg"), "central": Quantity(0.0, "mg")},
        parameters={
            "absorption": Quantity(0.5, "1/day"), "clearance": Quantity(2.0, "L/day"), "volume": Quantity(5.0, "L"),
        },
        name="kinetics",
        time_unit="day",
    )  # fmt: skip


SCHEDULE = [
    Dose(-3.0, "depot", 10.0),
    Dose(2.0, "depot", 4.0),
    Dose(2.0, "depot", "volume", 2.0),  # the same moment: both must enter
    Infusion(4.0, "central", 6.0, 1.5),
    Infusion(5.5, "central", 3.0, 2.0),  # begins where the other ends
]
# Between the doses: at the very moment of a dose programs differ in whether they report before or after it.
TIMES = np.array([-3.0, -1.1, 1.9, 2.3, 4.7, 5.9, 8.1, 12.0])


@pytest.mark.parametrize("through_sbml", [False, True])
def test_doses_as_events_are_doses(through_sbml: bool) -> None:
    ours = simulate(make(), times=TIMES, doses=SCHEDULE, settings=TIGHT)
    inside = with_schedule(make(), SCHEDULE, start=-3.0)
    if through_sbml:
        inside = read_model(write_sbml(inside))
    theirs = simulate(inside, times=TIMES + 3.0, settings=TIGHT, outputs=["depot", "central", "clock"])
    np.testing.assert_allclose(theirs["clock"].values[0], TIMES, atol=1e-9)
    for name in ("depot", "central"):  # 1e-7: the tolerance of the integrator, a hundred times
        np.testing.assert_allclose(theirs[name].values[0, 1:], ours[name].values[0, 1:], rtol=1e-7, atol=1e-9)


def test_doses_that_cannot_be_exported_are_named() -> None:
    with pytest.raises(InputError, match=r"dose 1.*Begin earlier"):
        with_schedule(make(), SCHEDULE)
    with pytest.raises(InputError, match=r"dose 2.*differs between patients"):
        with_schedule(make(), [Dose(0.0, "depot", 1.0), Dose((1.0,), "depot", 2.0)])


def test_units_are_declared_where_sbml_can_say_them() -> None:
    model = libsbml.readSBMLFromString(write_sbml(make())).getModel()
    assert model.getTimeUnits() == "unit_day"
    day = model.getUnitDefinition("unit_day").getUnit(0)
    assert (day.getKind(), day.getMultiplier()) == (libsbml.UNIT_KIND_SECOND, 86400.0)
    per_day = model.getUnitDefinition(model.getParameter("clearance").getUnits())
    parts = {per_day.getUnit(k).getKind(): per_day.getUnit(k) for k in range(per_day.getNumUnits())}
    assert parts[libsbml.UNIT_KIND_METRE].getExponent() == 3
    rate = parts[libsbml.UNIT_KIND_SECOND]
    # 1 L/day = 1e-3 m3 / 86400 s; the multiplier stands inside the power.
    assert rate.getExponent() == -1 and rate.getMultiplier() == pytest.approx(86400.0 * 1e3, rel=1e-10)


@pytest.mark.parametrize("unit", ["", "furlong/oops", "mg^0.5"])
def test_units_that_sbml_cannot_say_are_left_out(unit: str) -> None:
    model = trace_model(lambda x: {"x": -x}, states={"x": Quantity(1.0, unit)}, parameters={}, name="odd")
    document = libsbml.readSBMLFromString(write_sbml(model))
    assert document.getModel().getParameter("x").getUnits() == ""
    document.checkConsistency()
    assert document.getNumErrors(libsbml.LIBSBML_SEV_ERROR) == 0


def test_intermediate_values_have_names_only_where_asked_for() -> None:
    assert [r.id for r in make().rules] == []
    with intermediate_names():
        detailed = make()
    assert [(r.id, r.unit) for r in detailed.rules] == [("elimination", "1/day")]
    assert [r.id for r in make().rules] == []  # and not for ever after
    a, b = (simulate(m, times=TIMES, doses=SCHEDULE, settings=TIGHT)["central"].values for m in (make(), detailed))
    np.testing.assert_allclose(a, b, rtol=1e-12)
