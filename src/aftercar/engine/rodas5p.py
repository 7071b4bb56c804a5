"""Rodas5P: a stiffly accurate Rosenbrock method of order 5 with an error estimate of order 4 and dense output.

One Jacobian and one LU factorisation per step serve all eight stages, each of which is one evaluation of the
equations and one back substitution. It is L-stable, so that binding within seconds and relapse over years share one
step size rule, and a one-step method, so that a dose costs a restart of the step size only.

In the form that needs no product with the Jacobian (hairer1996, IV.7):

    (1/(h*gamma) - J) U_i = f(t + alpha_i*h, y + sum a_ij U_j) + sum (c_ij/h) U_j + h*d_i*df/dt

References
----------
steinebach2023, BIT Numerical Mathematics 63:27, table of coefficients of Rodas5P. The order conditions are
tested in tests/verification/engine.
"""

from __future__ import annotations

import numpy as np

GAMMA = 0.21193756319429014

# Rows i = 2..6; the arguments of stages 7 and 8 and the result add the last U to the one before (stiff accuracy).
A = (
    (3.0,),
    (2.849394379747939, 0.45842242204463923),
    (-6.954028509809101, 2.489845061869568, -10.358996098473584),
    (2.8029986275628964, 0.5072464736228206, -0.3988312541770524, -0.04721187230404641),
    (-7.502846399306121, 2.561846144803919, -11.627539656261098, -0.18268767659942256, 0.030198172008377946),
)
C = (
    (-14.155112264123755,),
    (-17.97296035885952, -2.859693295451294),
    (147.12150275711716, -1.41221402718213, 71.68940251302358),
    (165.43517024871676, -0.4592823456491126, 42.90938336958603, -5.961986721573306),
    (24.854864614690072, -3.0009227002832186, 47.4931110020768, 5.5814197821558125, -0.6610691825249471),
    (
        30.91273214028599,
        -3.1208243349937974,
        77.79954646070892,
        34.28646028294783,
        -19.097331116725623,
        -28.087943162872662,
    ),
    (
        37.80277123390563,
        -3.2571969029072276,
        112.26918849496327,
        66.9347231244047,
        -40.06618937091002,
        -54.66780262877968,
        -9.48861652309627,
    ),
)
# Dense output: y(t + theta*h) = (1-theta)*y0 + theta*(y1 + (1-theta)*(D0 + theta*(D1 + theta*D2))), D_k = sum H_kj U_j.
H = (
    (
        25.948786856663858,
        -2.5579724845846235,
        10.433815404888879,
        -2.3679251022685204,
        0.524948541321073,
        1.1241088310450404,
        0.4272876194431874,
        -0.17202221070155493,
    ),
    (
        -9.91568850695171,
        -0.9689944594115154,
        3.0438037242978453,
        -24.495224566215796,
        20.176138334709044,
        15.98066361424651,
        -6.789040303419874,
        -6.710236069923372,
    ),
    (
        11.419903575922262,
        2.8879645146136994,
        72.92137995996029,
        80.12511834622643,
        -52.072871366152654,
        -59.78993625266729,
        -0.15582684282751913,
        4.883087185713722,
    ),
)
STAGES = 8
ORDER = 5


def argument_weights() -> np.ndarray:
    """Return a_ij for all eight stages and, as a ninth row, for the result; shape (9, 8)."""
    weights = np.zeros((STAGES + 1, STAGES))
    for i, row in enumerate(A, start=1):
        weights[i, : len(row)] = row
    for i in (6, 7, 8):
        weights[i] = weights[i - 1]
        weights[i, i - 1] += 1.0
    return weights


def memory_weights() -> np.ndarray:
    """Return c_ij, shape (8, 8), strictly lower triangular."""
    weights = np.zeros((STAGES, STAGES))
    for i, row in enumerate(C, start=1):
        weights[i, : len(row)] = row
    return weights


def original_form() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (alpha_ij, gamma_ij, b_i) of the method as Rosenbrock wrote it, from which alpha_i and d_i follow."""
    gamma = np.linalg.inv(np.eye(STAGES) / GAMMA - memory_weights())
    weights = argument_weights()
    return weights[:STAGES] @ gamma, gamma, weights[STAGES] @ gamma


def nodes() -> tuple[np.ndarray, np.ndarray]:
    """Return (alpha_i, d_i): the stage times and the weights of df/dt, as fractions of h."""
    alpha, gamma, _ = original_form()
    times, slopes = alpha.sum(axis=1), gamma.sum(axis=1)
    times[0] = 0.0
    times[5:] = 1.0  # stiffly accurate: exact, without the rounding of the inverse
    slopes[5:] = 0.0
    return times, slopes
