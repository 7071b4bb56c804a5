# Reads the transport files of an export as users of R do, and analyses its times to events.
#   Rscript read_adam.R FOLDER OUT
# Writes for each reader (foreign, and haven where it is installed) the values of every dataset and the labels, and from
# ADTTE as foreign reads it: survfit of PFS by arm and coxph of the second arm against the first.
suppressPackageStartupMessages({
  library(foreign)
  library(survival)
})
arguments <- commandArgs(trailingOnly = TRUE)
folder <- arguments[1]
out <- arguments[2]
with_haven <- requireNamespace("haven", quietly = TRUE)

as_text <- function(column) {
  if (inherits(column, "Date")) column <- as.numeric(column) - as.numeric(as.Date("1960-01-01"))
  if (is.numeric(column)) ifelse(is.na(column), "NA", sprintf("%.17g", column)) else as.character(column)
}
save <- function(table, name) write.csv(table, file.path(out, name), row.names = FALSE)

labels <- list()
for (path in list.files(folder, "[.]xpt$", full.names = TRUE)) {
  name <- sub("[.]xpt$", "", basename(path))
  about <- lookup.xport(path)
  plain <- read.xport(path)
  save(as.data.frame(lapply(plain, as_text), check.names = FALSE), paste0("foreign_", name, ".csv"))
  labels[[length(labels) + 1]] <- data.frame(
    reader = "foreign", dataset = names(about), file_label = "", variable = about[[1]]$name, label = about[[1]]$label
  )
  if (with_haven) {
    table <- haven::read_xpt(path)
    save(as.data.frame(lapply(table, as_text), check.names = FALSE), paste0("haven_", name, ".csv"))
    found <- vapply(table, function(x) if (is.null(attr(x, "label"))) "" else attr(x, "label"), "")
    labels[[length(labels) + 1]] <- data.frame(
      reader = "haven", dataset = names(about), file_label = attr(table, "label"), variable = names(table), label = found
    )
  }
}
save(do.call(rbind, labels), "labels.csv")

times <- read.xport(file.path(folder, "adtte.xpt"))
pfs <- times[times$PARAMCD == "PFS", ]
curves <- list()
for (arm in unique(as.character(pfs$TRTP))) {
  fit <- survfit(Surv(AVAL, CNSR == 0) ~ 1, data = pfs[pfs$TRTP == arm, ])
  curves[[arm]] <- data.frame(
    arm = arm, time = sprintf("%.17g", fit$time), n.risk = fit$n.risk, n.event = fit$n.event, n.censor = fit$n.censor,
    surv = sprintf("%.17g", fit$surv)
  )
}
save(do.call(rbind, curves), "survfit.csv")

fit <- coxph(Surv(AVAL, CNSR == 0) ~ TRTPN, data = pfs)
printed <- grep("^TRTPN", capture.output(print(fit)), value = TRUE)
save(
  data.frame(
    hr = sprintf("%.17g", exp(coef(fit))), se = sprintf("%.17g", sqrt(vcov(fit)[1, 1])),
    printed = strsplit(printed, " +")[[1]][3]
  ),
  "coxph.csv"
)
