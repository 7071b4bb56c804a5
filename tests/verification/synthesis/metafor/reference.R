# Reference values of metafor and lme4 for the synthesis of proportions and effects:
#   Rscript reference.R DATA_DIR OUT_DIR
# DATA_DIR holds cohorts.csv and effects.csv (see data_sets.R). Values were made with R 4.2.2, metafor 3.8-1, lme4 1.1-31.
#
# metafor's searches stop early by default (REML: change of tau2 < 1e-5; Paule-Mandel and Q-profile: 1e-4). They are
# tightened here, so that a difference means a difference; rows named *_default keep the defaults.
suppressPackageStartupMessages({library(metafor); library(lme4)})
arguments <- commandArgs(trailingOnly = TRUE)
cohorts <- read.csv(file.path(arguments[1], "cohorts.csv"))
effects <- read.csv(file.path(arguments[1], "effects.csv"))
out <- arguments[2]
# Rounding ends Fisher scoring near 1e-12 of the size of tau2.
TIGHT <- list(threshold = 1e-10, maxiter = 100000, tol = 1e-13)
COARSE <- list(threshold = 1e-7, maxiter = 100000, tol = 1e-13)  # for effects whose tau2 is in the hundreds
DEEP <- list(tol = 1e-13, maxiter = 100000, tau2.max = 1e6)
MEASURES <- c(logit = "PLO", arcsine = "PAS", `freeman-tukey` = "PFT")
TESTS <- c(z = "z", t = "t", hksj = "knha", `hksj-adhoc` = "adhoc")

save <- function(rows, name) {
  table <- do.call(rbind, rows)
  numbers <- vapply(table, is.numeric, logical(1))
  table[numbers] <- lapply(table[numbers], function(v) ifelse(is.na(v), "", sprintf("%.12g", v)))
  write.csv(table, file.path(out, name), row.names = FALSE, quote = FALSE)
}
control_of <- function(yi) if (var(yi) > 10) COARSE else TIGHT
none <- function(v) if (is.null(v) || length(v) == 0) NA_real_ else as.numeric(v)

# --- inverse variance -------------------------------------------------------------------------------------------
back <- function(measure, ni) switch(measure,
  PLO = list(transf.ilogit, NULL), PAS = list(transf.iarcsin, NULL), PFT = list(transf.ipft.hm, list(ni = ni)), NULL)

pooled_row <- function(set, scale, method, interval, yi, vi, inverse, control) {
  fit <- suppressWarnings(rma(yi, vi, method = toupper(method), test = TESTS[[interval]], control = control))
  p <- predict(fit)
  ci <- if (method == "fe") NULL else confint(fit, control = DEEP)$random
  row <- data.frame(data_set = set, scale = scale, method = method, interval = interval,
    estimate = fit$b[1], se = fit$se, ci_lb = p$ci.lb, ci_ub = p$ci.ub, pi_lb = none(p$pi.lb), pi_ub = none(p$pi.ub),
    tau2 = fit$tau2, i2 = fit$I2, q = fit$QE, q_p = fit$QEp,
    tau2_lb = if (is.null(ci)) NA else ci[1, 2], tau2_ub = if (is.null(ci)) NA else ci[1, 3],
    i2_lb = if (is.null(ci)) NA else ci[3, 2], i2_ub = if (is.null(ci)) NA else ci[3, 3],
    p_estimate = NA, p_ci_lb = NA, p_ci_ub = NA, p_pi_lb = NA, p_pi_ub = NA)
  if (!is.null(inverse)) {
    b <- predict(fit, transf = inverse[[1]], targs = inverse[[2]])
    row[c("p_estimate", "p_ci_lb", "p_ci_ub", "p_pi_lb", "p_pi_ub")] <-
      c(b$pred, b$ci.lb, b$ci.ub, none(b$pi.lb), none(b$pi.ub))
  }
  row
}

rows <- list()
for (set in unique(cohorts$data_set)) {
  d <- cohorts[cohorts$data_set == set, ]
  for (scale in names(MEASURES)) {
    e <- escalc(MEASURES[[scale]], xi = d$events, ni = d$total)
    add <- function(method, interval, control = TIGHT, label = method) {
      row <- pooled_row(set, scale, method, interval, e$yi, e$vi, back(MEASURES[[scale]], d$total), control)
      row$method <- label
      rows[[length(rows) + 1]] <<- row
    }
    for (method in if (scale == "logit") c("fe", "dl", "reml", "ml", "pm", "he", "hs", "sj") else c("fe", "dl", "reml"))
      add(method, "z")
    for (interval in c("t", "hksj", "hksj-adhoc")) add("reml", interval)
    # The default stop of Paule-Mandel (1e-4 in tau2) says nothing on scales where tau2 itself is that small.
    if (scale == "logit") for (method in c("reml", "pm")) add(method, "z", list(), paste0(method, "_default"))
  }
}
save(rows, "pooled.csv")

rows <- list()
for (set in unique(effects$data_set)) {
  d <- effects[effects$data_set == set, ]
  for (method in c("fe", "dl", "reml", "ml", "pm", "he", "hs", "sj"))
    rows[[length(rows) + 1]] <- pooled_row(set, "none", method, "z", d$yi, d$vi, NULL, control_of(d$yi))
  rows[[length(rows) + 1]] <- pooled_row(set, "none", "reml", "hksj", d$yi, d$vi, NULL, control_of(d$yi))
}
save(rows, "pooled_effects.csv")

# --- binomial-normal model --------------------------------------------------------------------------------------
# A maximum found without lme4: trapezoid sums on 3001 points over +-12 standard deviations, a second maximiser,
# second differences for the information, and the profile by root finding. It is the reference; lme4 stands beside it.
U <- seq(-12, 12, length.out = 3001)
LOG_STEP <- log(U[2] - U[1]) + dnorm(U, log = TRUE)
log_likelihood <- function(mean, tau, x, n) sum(mapply(function(a, b) {
  theta <- mean + tau * U
  f <- a * plogis(theta, log.p = TRUE) + (b - a) * plogis(-theta, log.p = TRUE) + LOG_STEP
  lchoose(b, a) + max(f) + log(sum(exp(f - max(f))))
}, x, n))

climb <- function(x, n) {
  best <- NULL
  cost <- function(p) { v <- -log_likelihood(p[1], abs(p[2]), x, n); if (is.finite(v)) v else 1e10 }
  for (start in c(0.3, 1, 2)) {
    fit <- nlminb(c(qlogis((sum(x) + .5) / (sum(n) + 1)), start), cost, lower = c(-15, 0), upper = c(15, 10),
                  control = list(rel.tol = 1e-15, x.tol = 1e-12, iter.max = 500, eval.max = 2000))
    # A simplex about the point that nlminb found rules out a stop on the way.
    again <- optim(fit$par, cost, control = list(reltol = 1e-16, maxit = 2000))
    if (again$value < fit$objective) fit <- list(par = again$par, objective = again$value)
    if (is.null(best) || fit$objective < best$objective) best <- fit
  }
  common <- -sum(dbinom(x, n, sum(x) / sum(n), log = TRUE))
  tau <- abs(best$par[2])
  if (tau < 1e-3 || common <= best$objective + 1e-9) list(mean = qlogis(sum(x) / sum(n)), tau = 0, ll = -common)
  else list(mean = best$par[1], tau = tau, ll = -best$objective)
}

standard_error <- function(m, x, n) {
  h <- 1e-3
  f <- function(a, b) log_likelihood(m$mean + a * h, abs(m$tau + b * h), x, n)
  aa <- (-f(2, 0) + 16 * f(1, 0) - 30 * f(0, 0) + 16 * f(-1, 0) - f(-2, 0)) / (12 * h^2)
  if (m$tau == 0) return(sqrt(-1 / aa))
  bb <- (-f(0, 2) + 16 * f(0, 1) - 30 * f(0, 0) + 16 * f(0, -1) - f(0, -2)) / (12 * h^2)
  ab <- (f(1, 1) - f(1, -1) - f(-1, 1) + f(-1, -1)) / (4 * h^2)
  sqrt(solve(-matrix(c(aa, ab, ab, bb), 2))[1, 1])
}

profile_limits <- function(m, x, n, level = 0.95) {
  drop <- qchisq(level, 1) / 2
  over_tau <- function(mean) {
    tau <- seq(0, 1.5, length.out = 16)^2 * max(1, 2 * m$tau)
    start <- tau[which.max(sapply(tau, function(t) log_likelihood(mean, t, x, n)))]
    optimize(function(t) log_likelihood(mean, t, x, n), c(max(0, start / 2 - .1), start * 2 + .2), maximum = TRUE, tol = 1e-9)$objective
  }
  over_mean <- function(tau) optimize(function(b) log_likelihood(b, tau, x, n), m$mean + c(-4, 4), maximum = TRUE, tol = 1e-9)$objective
  root <- function(f, range, way) uniroot(f, range, tol = 1e-9, extendInt = way)$root
  fall <- function(f) function(v) f(v) - m$ll + drop
  mean_lb <- root(fall(over_tau), m$mean - c(1.5, .01), "upX"); mean_ub <- root(fall(over_tau), m$mean + c(.01, 1.5), "downX")
  tau_lb <- if (m$ll - over_mean(0) <= drop) 0 else root(fall(over_mean), c(1e-4, m$tau), "upX")
  tau_ub <- root(fall(over_mean), m$tau + c(.01, 1), "downX")
  c(mean_lb, mean_ub, tau_lb^2, tau_ub^2)
}

glmm_row <- function(set, x, n) {
  g <- suppressWarnings(rma.glmm(measure = "PLO", xi = x, ni = n))
  gt <- suppressWarnings(rma.glmm(measure = "PLO", xi = x, ni = n, test = "t"))
  p <- predict(g, transf = transf.ilogit); pt <- predict(gt, transf = transf.ilogit)
  many <- suppressWarnings(rma.glmm(measure = "PLO", xi = x, ni = n, nAGQ = 25,
    control = list(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10, maxfun = 1e6))))
  m <- climb(x, n); se <- standard_error(m, x, n); limits <- profile_limits(m, x, n)
  data.frame(data_set = set,
    mean = m$mean, se = se, tau2 = m$tau^2, log_likelihood = m$ll, mean_lb = limits[1], mean_ub = limits[2],
    tau2_lb = limits[3], tau2_ub = limits[4],
    lme4_25_mean = many$b[1], lme4_25_se = many$se, lme4_25_tau2 = many$tau2,
    metafor_mean = g$b[1], metafor_se = g$se, metafor_tau2 = g$tau2, metafor_i2 = g$I2, metafor_q_lrt = g$QE.LRT,
    metafor_q_lrt_p = g$QEp.LRT, z_estimate = p$pred, z_ci_lb = p$ci.lb, z_ci_ub = p$ci.ub, z_pi_lb = none(p$pi.lb),
    z_pi_ub = none(p$pi.ub), t_ci_lb = pt$ci.lb, t_ci_ub = pt$ci.ub, t_pi_lb = none(pt$pi.lb), t_pi_ub = none(pt$pi.ub))
}
save(lapply(unique(cohorts$data_set), function(set) {
  d <- cohorts[cohorts$data_set == set, ]
  glmm_row(set, d$events, d$total)
}), "glmm.csv")

# --- one study at a time, small studies, covariates -------------------------------------------------------------
logits <- lapply(unique(cohorts$data_set), function(set) {
  d <- cohorts[cohorts$data_set == set, ]
  e <- escalc("PLO", xi = d$events, ni = d$total)
  list(set = set, yi = c(e$yi), vi = c(e$vi), ni = d$total, number = d$number, word = d$word)
})
others <- lapply(unique(effects$data_set), function(set) {
  d <- effects[effects$data_set == set, ]
  list(set = set, yi = d$yi, vi = d$vi, ni = NULL, number = d$number, word = d$word)
})
each <- c(logits, others)
fit_of <- function(s, ...) suppressWarnings(rma(s$yi, s$vi, method = "REML", control = control_of(s$yi), ...))

save(lapply(each, function(s) {
  fit <- fit_of(s); l <- suppressWarnings(leave1out(fit)); i <- suppressWarnings(influence(fit)); v <- i$inf
  grDevices::pdf(NULL); b <- suppressWarnings(baujat(fit)); grDevices::dev.off()
  data.frame(data_set = s$set, left_out = seq_along(s$yi), estimate = l$estimate, se = l$se, ci_lb = l$ci.lb,
    ci_ub = l$ci.ub, q = l$Q, q_p = l$Qp, tau2 = l$tau2, i2 = l$I2, rstudent = v$rstudent, dffits = v$dffits,
    cook_d = v$cook.d, cov_r = v$cov.r, tau2_del = v$tau2.del, q_del = v$QE.del, hat = v$hat, weight = v$weight,
    dfbeta = i$dfbs$intrcpt, influential = as.numeric(i$is.infl), baujat_x = b$x, baujat_y = b$y)
}), "leave_one_out.csv")

save(lapply(each, function(s) {
  k <- suppressWarnings(influence(fit_of(s, test = "knha")))
  data.frame(data_set = s$set, left_out = seq_along(s$yi), rstudent = k$inf$rstudent, dffits = k$inf$dffits,
    cook_d = k$inf$cook.d, cov_r = k$inf$cov.r, dfbeta = k$dfbs$intrcpt)
}), "influence_hksj.csv")

save(lapply(each, function(s) {
  # Closed form: Fisher scoring to 1e-10 does not converge on some of the first few studies.
  c1 <- suppressWarnings(cumul(rma(s$yi, s$vi, method = "DL")))
  data.frame(data_set = s$set, first = seq_along(s$yi), estimate = c1$estimate, se = c1$se, ci_lb = c1$ci.lb,
    ci_ub = c1$ci.ub, tau2 = c1$tau2)
}), "cumulative.csv")

save(lapply(Filter(function(s) length(s$yi) >= 5, each), function(s) {
  fit <- fit_of(s); m <- regtest(fit); w <- regtest(fit, model = "lm"); r <- suppressWarnings(ranktest(fit))
  p <- if (is.null(s$ni)) list(zval = NA, pval = NA, est = NA) else
    regtest(s$yi, s$vi, ni = s$ni, model = "lm", predictor = "ninv")
  f <- tryCatch(suppressWarnings(trimfill(fit)), error = function(e) NULL)
  data.frame(data_set = s$set, mixed_z = m$zval, mixed_p = m$pval, mixed_limit = m$est, mixed_limit_lb = m$ci.lb,
    mixed_limit_ub = m$ci.ub, egger_t = w$zval, egger_p = w$pval, egger_limit = w$est, egger_limit_lb = w$ci.lb,
    egger_limit_ub = w$ci.ub, peters_t = p$zval, peters_p = p$pval, peters_limit = p$est, rank_tau = r$tau, rank_p = r$pval,
    filled = if (is.null(f)) NA else f$k0, fill_right = if (is.null(f)) NA else as.numeric(f$side == "right"),
    fill_estimate = if (is.null(f)) NA else f$b[1], fill_se = if (is.null(f)) NA else f$se)
}), "small_study.csv")

regression_rows <- function(s, formula, label, interval, method = "REML") {
  fit <- suppressWarnings(rma(s$yi, s$vi, mods = formula, data = data.frame(number = s$number, word = s$word), method = method,
    test = TESTS[[interval]], control = control_of(s$yi)))
  ci <- confint(fit, control = DEEP)$random
  data.frame(data_set = s$set, model = label, method = tolower(method), interval = interval,
    coefficient = rownames(fit$b), estimate = c(fit$b), se = fit$se, statistic = fit$zval, p_value = fit$pval, ci_lb = fit$ci.lb,
    ci_ub = fit$ci.ub, tau2 = fit$tau2, i2 = fit$I2, r2 = none(fit$R2), qe = fit$QE, qm = fit$QM, qm_p = fit$QMp,
    tau2_lb = ci[1, 2], tau2_ub = ci[1, 3],
    # prediction at the first study's covariates
    pred = predict(fit)$pred[1], pred_se = predict(fit)$se[1], pred_ci_lb = predict(fit)$ci.lb[1], pred_pi_ub = predict(fit)$pi.ub[1])
}
rows <- list()
for (s in each) {
  if (!anyNA(s$number)) for (interval in c("z", "t", "hksj"))
    rows[[length(rows) + 1]] <- regression_rows(s, ~ number, "number", interval)
  if (!anyNA(s$word) && all(s$word != "")) {
    for (method in c("REML", "DL", "PM")) rows[[length(rows) + 1]] <- regression_rows(s, ~ word, "word", "z", method)
    rows[[length(rows) + 1]] <- regression_rows(s, ~ number + word, "number+word", "hksj")
  }
}
save(rows, "meta_regression.csv")

rows <- list()
for (set in c("debruin2009", "colditz1994_vaccinated", "dorn2007_placebo")) {
  d <- cohorts[cohorts$data_set == set, ]
  for (model in list(list(~ number, "number"), list(~ word, "word"))) {
    g <- suppressWarnings(rma.glmm(measure = "PLO", xi = d$events, ni = d$total, mods = model[[1]], data = d, nAGQ = 25,
      control = list(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10, maxfun = 1e6))))
    rows[[length(rows) + 1]] <- data.frame(data_set = set, model = model[[2]], coefficient = rownames(g$b), estimate = c(g$b),
      se = g$se, tau2 = g$tau2, qm = g$QM, qe_lrt = g$QE.LRT)
  }
}
save(rows, "glmm_regression.csv")

# --- one cohort -------------------------------------------------------------------------------------------------
singles <- unique(cohorts[cohorts$total <= 300, c("events", "total")])
save(lapply(seq_len(nrow(singles)), function(i) {
  x <- singles$events[i]; n <- singles$total[i]
  exact <- binom.test(x, n)$conf.int; wilson <- suppressWarnings(prop.test(x, n, correct = FALSE)$conf.int)
  jeffreys <- c(if (x == 0) 0 else qbeta(.025, x + .5, n - x + .5), if (x == n) 1 else qbeta(.975, x + .5, n - x + .5))
  data.frame(events = x, total = n, clopper_pearson_lb = exact[1], clopper_pearson_ub = exact[2], wilson_lb = wilson[1],
    wilson_ub = wilson[2], jeffreys_lb = jeffreys[1], jeffreys_ub = jeffreys[2])
}), "one_cohort.csv")
