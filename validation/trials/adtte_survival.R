# Called by test_simulated_trial_live.py: PFS of an exported trial, as a user of admiral would analyse its ADTTE.
#   Rscript adtte_survival.R adtte.xpt tau out.csv
suppressMessages(library(survival))
args <- commandArgs(trailingOnly = TRUE)
tau <- as.numeric(args[2])
d <- foreign::read.xport(args[1])
d <- d[d$PARAMCD == "PFS", ]
d$arm <- factor(as.character(d$TRTP))
d$event <- 1 - d$CNSR
rows <- list()
add <- function(what, group, value)
  rows[[length(rows) + 1]] <<- data.frame(quantity = what, group = group, place = seq_along(value),
                                          value = trimws(formatC(as.numeric(value), digits = 17, format = "g")))
for (arm in levels(d$arm)) {
  f <- survfit(Surv(AVAL, event) ~ 1, data = d[d$arm == arm, ], conf.type = "log-log", conf.int = .9)
  for (what in c("time", "surv", "n.risk")) add(what, arm, summary(f, censored = TRUE)[[what]])
  add("rmst", arm, summary(f, rmean = tau)$table[c("rmean", "se(rmean)")])
}
add("log_rank", "", survdiff(Surv(AVAL, event) ~ arm, data = d)$chisq)
control <- coxph.control(eps = 1e-12, toler.chol = 1e-14, iter.max = 60)
m <- summary(coxph(Surv(AVAL, event) ~ arm, data = d, control = control))$coefficients
add("cox", "", c(m[, "coef"], m[, "se(coef)"]))
write.csv(do.call(rbind, rows), args[3], row.names = FALSE)
