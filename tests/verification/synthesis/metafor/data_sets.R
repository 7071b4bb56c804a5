# Writes the published data sets of metadat that the reference values are computed on:
#   Rscript data_sets.R OUT_DIR      -> OUT_DIR/cohorts.csv, OUT_DIR/effects.csv
# R 4.2.2, metadat 1.2-0. Publications: sources.md. Counts are facts of those publications.
suppressPackageStartupMessages({library(metadat); library(metafor)})
out <- commandArgs(trailingOnly = TRUE)[1]

arm <- function(name, events, total, number = NA, word = NA)
  data.frame(data_set = name, cohort = seq_along(events), events = events, total = total, number = number, word = word)

niel <- dat.nielweise2007; bcg <- dat.colditz1994; bruin <- dat.debruin2009
cohorts <- rbind(
  with(dat.pritz1997, arm("pritz1997", xi, ni)),
  with(niel, arm("nielweise2007_treated", ai, n1i)),
  with(niel, arm("nielweise2007_control", ci, n2i)),
  arm("debruin2009", bruin$xi, bruin$ni, bruin$scq, as.character(bruin$ethnicity)),
  with(dat.hine1989, arm("hine1989_lidocaine", ai, n1i)),
  with(dat.hine1989, arm("hine1989_control", ci, n2i)),
  with(dat.lee2004, arm("lee2004_acupoint", ai, n1i, year)),
  with(dat.lee2004, arm("lee2004_control", ci, n2i, year)),
  arm("colditz1994_vaccinated", bcg$tpos, bcg$tpos + bcg$tneg, bcg$ablat, as.character(bcg$alloc)),
  arm("colditz1994_control", bcg$cpos, bcg$cpos + bcg$cneg, bcg$ablat, as.character(bcg$alloc)),
  with(dat.collins1985b, arm("collins1985_preeclampsia", pre.xti, pre.nti, year)),
  with(dat.dorn2007, arm("dorn2007_placebo", x.p, n.p, year, ifelse(jadad >= 4, "high", "low"))),
  with(dat.hahn2001, arm("hahn2001_reduced", ai, n1i)),
  with(dat.graves2010, arm("graves2010_vaccinated", ai, n1i)),
  with(dat.damico2009, arm("damico2009_control", xc, nc)),
  # Miller 1978: four proportions that texts on the Freeman-Tukey scale repeat.
  arm("miller1978", c(3, 6, 10, 1), c(11, 17, 21, 6)),
  # Cohorts of the review: ide-cel again, CT103A, HRC0202, GPRC5D CAR-T (three), nivolumab, cevostamab.
  arm("review", c(6, 4, 5, 5, 21, 2, 4, 7), c(28, 4, 7, 5, 28, 11, 9, 10))
)
write.csv(cohorts, file.path(out, "cohorts.csv"), row.names = FALSE, na = "", quote = FALSE)

effect <- function(name, data, number = NA, word = NA)
  data.frame(data_set = name, study = seq_len(nrow(data)), yi = sprintf("%.17g", data$yi), vi = sprintf("%.17g", data$vi),
             number = number, word = word)
effects <- rbind(
  effect("colditz1994_log_rr", escalc("RR", ai = tpos, bi = tneg, ci = cpos, di = cneg, data = bcg), bcg$ablat,
         as.character(bcg$alloc)),
  effect("nielweise2007_log_or", escalc("OR", ai = ai, n1i = n1i, ci = ci, n2i = n2i, data = niel)),
  effect("lee2004_log_rr", escalc("RR", ai = ai, n1i = n1i, ci = ci, n2i = n2i, data = dat.lee2004), dat.lee2004$year),
  effect("normand1999_md", escalc("MD", m1i = m1i, sd1i = sd1i, n1i = n1i, m2i = m2i, sd2i = sd2i, n2i = n2i,
         data = dat.normand1999))
)
write.csv(effects, file.path(out, "effects.csv"), row.names = FALSE, na = "", quote = FALSE)
