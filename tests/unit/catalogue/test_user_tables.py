"""Tables of a user's own: columns keep apart, and no cell steers a terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from aftercar.catalogue.user_tables import load_counts, load_medians
from aftercar.foundation import InputError


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["events", "total", "label", "group"])
def test_a_covariate_does_not_overwrite_the_counts_of_the_same_name(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, f"study,r,n,arm,{name}\na,5,20,x,1\nb,8,25,y,2\n")
    with pytest.raises(InputError, match=rf"row 1, column {name}: .* rename"):
        load_counts(path, events="r", total="n", by="arm", covariates=[name])


def test_a_column_may_serve_as_count_and_as_order(tmp_path: Path) -> None:
    path = write(tmp_path, "study,r,total\na,5,20\nb,8,25\n")
    frame = load_counts(path, events="r", total="total", covariates=["total"])
    assert frame["total"].tolist() == [20, 25]
    assert frame["events"].tolist() == [5, 8]


@pytest.mark.parametrize("cells", ["a\x1b[31m,5,20,x", "a,5,20,x\x9b31m", "a\u202e,5,20,x"])
def test_a_label_or_category_that_steers_a_terminal_is_refused(tmp_path: Path, cells: str) -> None:
    path = write(tmp_path, f"study,r,n,drug\n{cells}\nb,8,25,y\n")
    with pytest.raises(InputError, match=r"row 2, column .*control character"):
        load_counts(path, events="r", total="n", covariates=["drug"])


def test_limits_of_an_interval_may_be_empty_and_must_hold_the_median(tmp_path: Path) -> None:
    frame = load_medians(write(tmp_path, "m,lo,hi\n5,2,\n"), median="m", lower="lo", upper="hi")
    assert frame["ci_lb"].tolist() == [2]
    assert frame["ci_ub"].isna().all()
    with pytest.raises(InputError, match="row 2, column m: the interval excludes its median"):
        load_medians(write(tmp_path, "m,lo,hi\n5,6,7\n"), median="m", lower="lo", upper="hi")
