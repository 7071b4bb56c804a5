# Reference values for tests/verification/synthesis/test_survival_*.py, and the data they rest on.
#
#   cd tests/verification/synthesis/survival && Rscript golden_survival.R .
#
# Made with R 4.2.2, survival 3.5-3, MASS 7.3-58.2 (Debian 12). The data are those that R ships, published first in:
#   lung      Loprinzi et al. 1994, J Clin Oncol 12:601 (NCCTG; time in days; event = death)
#   aml       Miller 1981, Survival Analysis, p. 49 (Embury et al. 1977; weeks to relapse)
#   veteran   Kalbfleisch & Prentice 1980, The Statistical Analysis of Failure Time Data, pp. 223-224 (days)
#   ovarian   Edmunson et al. 1979, Cancer Treat Rep 63:241 (days)
#   colon     Moertel et al. 1990, N Engl J Med 322:352; Lin 1994 (deaths, days)
#   myeloma   Kyle 1997, Mayo Clin Proc 72:29 (days from diagnosis; entry = first seen at Mayo)
#   freireich Freireich et al. 1963, Blood 21:699 (weeks of remission; MASS::gehan, from Cox & Oakes 1984, p. 7)
#   km1958    Kaplan & Meier 1958, J Am Stat Assoc 53:457, the worked example of section 2
suppressMessages(library(survival))
out <- commandArgs(trailingOnly = TRUE)[1]
dir.create(file.path(out, "data"), showWarnings = FALSE)
gehan <- MASS::gehan
sets <- list(
  lung = data.frame(time = lung$time, event = lung$status - 1, group = ifelse(lung$sex == 1, "male", "female")),
  aml = data.frame(time = aml$time, event = aml$status, group = as.character(aml$x)),
  veteran = data.frame(time = veteran$time, event = veteran$status, group = ifelse(veteran$trt == 1, "standard", "test")),
  ovarian = data.frame(time = ovarian$futime, event = ovarian$fustat, group = paste0("rx", ovarian$rx)),
  colon = with(subset(colon, etype == 2), data.frame(time = time, event = status, group = as.character(rx))),
  myeloma = data.frame(time = myeloma$futime, event = myeloma$death, group = "all", entry = myeloma$entry),
  freireich = data.frame(time = gehan$time, event = gehan$cens, group = as.character(gehan$treat)),
  km1958 = data.frame(time = c(0.8, 3.1, 5.4, 9.2, 1, 2.7, 7, 12.1), event = c(1, 1, 1, 1, 0, 0, 0, 0), group = "all")
)
# Horizons at which every group is still followed.
taus <- list(lung = c(365, 700), aml = c(24, 40), veteran = c(90, 365), ovarian = c(365, 700), colon = c(1000, 2500),
             myeloma = c(365, 1825), freireich = c(10, 22), km1958 = c(5, 10))
rows <- list()
add <- function(set, group, conf, what, at, value) {
  rows[[length(rows) + 1]] <<- data.frame(set = set, group = group, conf_type = conf, quantity = what, at = at,
                                          value = trimws(formatC(as.numeric(value), digits = 14, format = "g")))
}
curve <- function(name, group, d, conf, entry) {
  formula <- if (entry) Surv(entry, time, event) ~ 1 else Surv(time, event) ~ 1
  f <- survfit(formula, data = d, conf.type = conf)
  s <- summary(f, censored = TRUE)
  some <- unique(round(seq(1, length(s$time), length.out = min(length(s$time), 10))))
  for (i in some) {
    add(name, group, conf, "at_risk", s$time[i], s$n.risk[i])
    add(name, group, conf, "events", s$time[i], s$n.event[i])
    add(name, group, conf, "survival", s$time[i], s$surv[i])
    add(name, group, conf, "std_err", s$time[i], s$std.err[i])
    add(name, group, conf, "ci_lb", s$time[i], s$lower[i])
    add(name, group, conf, "ci_ub", s$time[i], s$upper[i])
  }
  q <- quantile(f, c(.25, .5, .75))
  for (i in 1:3) for (part in c("quantile", "lower", "upper"))
    add(name, group, conf, part, c(.25, .5, .75)[i], q[[part]][i])
  for (tau in taus[[name]]) {
    table <- summary(f, rmean = tau)$table
    add(name, group, conf, "rmst", tau, table[["rmean"]])
    add(name, group, conf, "rmst_se", tau, table[["se(rmean)"]])
  }
}
for (name in names(sets)) {
  d <- sets[[name]]
  write.csv(d, file.path(out, "data", paste0(name, ".csv")), row.names = FALSE, quote = FALSE)
  groups <- unique(d$group)
  for (group in groups) for (conf in c("log", "log-log", "plain")) {
    part <- d[d$group == group, ]
    curve(name, group, part, conf, FALSE)
    if (name == "myeloma") curve(name, "entry", part, conf, TRUE)
    follow <- quantile(survfit(Surv(time, 1 - event) ~ 1, data = part, conf.type = conf), .5)
    for (what in c("quantile", "lower", "upper")) add(name, group, conf, paste0("reverse_", what), .5, follow[[what]])
  }
  if (length(groups) < 2) next
  d$group <- factor(d$group, levels = groups)
  for (rho in c(0, 1)) {
    test <- survdiff(Surv(time, event) ~ group, data = d, rho = rho)
    add(name, "all", "", "log_rank", rho, test$chisq)
    for (i in seq_along(groups)) {
      add(name, groups[i], "", "observed", rho, test$obs[i])
      add(name, groups[i], "", "expected", rho, test$exp[i])
    }
  }
  for (other in groups[-1]) {
    two <- droplevels(d[d$group %in% c(groups[1], other), ])
    fit <- coxph(Surv(time, event) ~ group, data = two, control = coxph.control(eps = 1e-12, toler.chol = 1e-14, iter.max = 50))
    add(name, other, "", "cox", 0, coef(fit))
    add(name, other, "", "cox_se", 0, sqrt(vcov(fit)))
  }
}
write.csv(do.call(rbind, rows), file.path(out, "golden_survival.csv"), row.names = FALSE, quote = FALSE)
