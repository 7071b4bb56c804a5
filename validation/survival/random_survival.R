# Called by test_survival_live.py: survival of random patients, with ties and delayed entry.
#   Rscript random_survival.R patients.csv out.csv
suppressMessages(library(survival))
args <- commandArgs(trailingOnly = TRUE)
d <- read.csv(args[1])
rows <- list()
add <- function(set, conf, what, at, value)
  rows[[length(rows) + 1]] <<- data.frame(set = set, conf_type = conf, quantity = what, at = at,
                                          value = trimws(formatC(as.numeric(value), digits = 15, format = "g")))
for (set in unique(d$set)) {
  one <- d[d$set == set, ]
  late <- any(one$entry > 0)
  outcome <- if (late) with(one, Surv(entry, time, event)) else with(one, Surv(time, event))
  for (conf in c("log", "log-log", "plain")) {
    f <- survfit(outcome ~ 1, conf.type = conf, timefix = FALSE)
    s <- summary(f, censored = TRUE)
    for (i in seq_along(s$time)) for (what in c("n.risk", "surv", "std.err", "lower", "upper"))
      add(set, conf, what, s$time[i], s[[what]][i])
    q <- quantile(f, .5)
    for (what in c("quantile", "lower", "upper")) add(set, conf, paste0("median_", what), .5, q[[what]])
    table <- summary(f, rmean = max(one$time) / 2)$table
    add(set, conf, "rmst", max(one$time) / 2, table[["rmean"]])
    add(set, conf, "rmst_se", max(one$time) / 2, table[["se(rmean)"]])
  }
  # Without tied events the score test of Cox's model is the log-rank test, also with delayed entry.
  fit <- coxph(outcome ~ group, data = one,
               control = coxph.control(eps = 1e-12, toler.chol = 1e-14, iter.max = 50))
  if (!any(duplicated(one$time[one$event == 1]))) add(set, "", "score", 0, fit$score)
  add(set, "", "cox", 0, coef(fit))
  if (!late) add(set, "", "log_rank", 0, survdiff(outcome ~ group, data = one)$chisq)
}
write.csv(do.call(rbind, rows), args[2], row.names = FALSE, quote = FALSE)
