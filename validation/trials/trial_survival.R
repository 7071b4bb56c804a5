# Called by test_trial_live.py: analyses of a fabricated trial by R survival.
#   Rscript trial_survival.R records.csv causes.csv tau out.csv
suppressMessages(library(survival))
args <- commandArgs(trailingOnly = TRUE)
tau <- as.numeric(args[3])
rows <- list()
add <- function(what, group, value)
  rows[[length(rows) + 1]] <<- data.frame(quantity = what, group = group, place = seq_along(value),
                                          value = trimws(formatC(as.numeric(value), digits = 17, format = "g")))
analyse <- function(d, prefix, tau, reference) {
  d$arm <- relevel(factor(d$arm), ref = reference)
  for (arm in levels(d$arm)) {
    one <- d[d$arm == arm, ]
    f <- survfit(Surv(duration, event) ~ 1, data = one, conf.type = "log-log", conf.int = .9)
    for (what in c("time", "surv", "std.err", "lower", "upper"))
      add(paste0(prefix, what), arm, summary(f, censored = TRUE)[[what]])
    table <- summary(f, rmean = tau)$table
    add(paste0(prefix, "rmst"), arm, table[c("rmean", "se(rmean)")])
    add(paste0(prefix, "median"), arm, quantile(f, .5)$quantile)
    r <- survfit(Surv(duration, 1 - event) ~ 1, data = one, conf.type = "log-log", conf.int = .9)
    q <- quantile(r, .5)
    add(paste0(prefix, "follow_up"), arm, c(q$quantile, q$lower, q$upper))
  }
  add(paste0(prefix, "log_rank"), "", survdiff(Surv(duration, event) ~ arm, data = d)$chisq)
}
d <- read.csv(args[1])
analyse(d, "", tau, "A")
d$arm <- factor(d$arm)
add("stratified", "", survdiff(Surv(duration, event) ~ arm + strata(mechanism), data = d)$chisq)
control <- coxph.control(eps = 1e-12, toler.chol = 1e-14, iter.max = 60)
cox <- function(m, name) {
  table <- summary(m)$coefficients
  add(paste0(name, "_coef"), "", table[, "coef"])
  add(paste0(name, "_se"), "", table[, if ("robust se" %in% colnames(table)) "robust se" else "se(coef)"])
}
cox(coxph(Surv(duration, event) ~ arm, data = d, control = control), "cox")
cox(coxph(Surv(duration, event) ~ arm, data = d, control = control, cluster = patient), "paired")
cox(coxph(Surv(duration, event) ~ arm + age + high_risk_cytogenetics, data = d, control = control, cluster = patient),
    "adjusted")
cox(coxph(Surv(duration, event) ~ arm + age + strata(mechanism), data = d, control = control, cluster = patient), "strata")
# Proportionality of the fit without clusters, as the score test takes patients as independent.
free <- coxph(Surv(duration, event) ~ arm + age + high_risk_cytogenetics, data = d, control = control)
for (transform in c("km", "identity")) add(paste0("zph_", transform), "", cox.zph(free, transform = transform)$table[, "chisq"])
causes <- read.csv(args[2])
causes$state <- factor(causes$cause, levels = c("", "death", "progression"))
for (arm in unique(causes$arm)) {
  f <- survfit(Surv(duration, state) ~ 1, data = causes[causes$arm == arm, ])
  for (k in 2:3) {
    name <- f$states[k]
    add(paste0("incidence_", name), arm, f$pstate[, k])
    add(paste0("incidence_se_", name), arm, f$std.err[, k])
  }
}
lung$arm <- ifelse(lung$sex == 1, "male", "female")
lung$duration <- lung$time
lung$event <- lung$status - 1
analyse(lung, "lung_", 365, "male")
m <- coxph(Surv(duration, event) ~ relevel(factor(arm), ref = "male"), data = lung)
add("lung_cox", "", c(coef(m), sqrt(vcov(m))))
write.csv(lung[, c("arm", "duration", "event")], paste0(dirname(args[4]), "/lung.csv"), row.names = FALSE)
write.csv(do.call(rbind, rows), args[4], row.names = FALSE, quote = FALSE)
