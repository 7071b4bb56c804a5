# Posterior of the hierarchical binomial model by Markov chains (JAGS 4.3.1, rjags 4-13, R 4.2.2), to check the
# quadrature of aftercar.synthesis.bayes. Writes quantiles with their Monte-Carlo standard errors.
#
#   Rscript golden_bayes.R cohorts.csv golden_bayes.csv [ITERATIONS]      (here; 120000 by default, some minutes)
#
# cohorts.csv: `review`: response counts of cohorts of the review and its sources (evidence base); `pritz1997`:
# Pritz 1997, data set dat.pritz1997 of the R package metadat; `zeros_and_ones`: made up, to strain the method.
#
# Each quantile is the mean over CHAINS independent chains; its standard error is sd(chains) / sqrt(CHAINS), which
# needs no estimate of autocorrelation. (With 8 chains the errors themselves were too uncertain.)
suppressPackageStartupMessages(library(rjags))
arguments <- commandArgs(trailingOnly = TRUE)
cohorts <- read.csv(arguments[1])
iterations <- if (length(arguments) > 2) as.integer(arguments[3]) else 120000L
CHAINS <- 32L
BURN_IN <- 4000L
SHARES <- c(0.025, 0.5, 0.975)

many <- "model {
  for (c in 1:C) {
    y[c] ~ dbin(ilogit(theta[c]), n[c])
    theta[c] <- mu_s[group[c]] + tau * u[c]
    u[c] ~ dnorm(0, 1)
  }
  for (s in 1:S) {
    mu_s[s] <- mu + sigma * v[s]
    v[s] ~ dnorm(0, 1)
    z[s] ~ dnorm(0, 1)
    rate[s] <- ilogit(mu_s[s])
    new_cohort[s] <- ilogit(mu_s[s] + tau * z[s])
  }
  mu ~ dnorm(0, 1 / 2^2)
  tau ~ dnorm(0, 1) T(0,)
  sigma ~ dnorm(0, 1) T(0,)
}"
one <- sub("mu_s[s] <- mu + sigma * v[s]", "mu_s[s] <- mu", many, fixed = TRUE)

fit <- function(name) {
  d <- cohorts[cohorts$data_set == name, ]
  strategies <- unique(d$group)
  single <- length(strategies) == 1L
  data <- list(y = d$events, n = d$total, group = match(d$group, strategies), C = nrow(d), S = length(strategies))
  starts <- lapply(seq_len(CHAINS), function(i) list(.RNG.name = "base::Mersenne-Twister", .RNG.seed = 100L + i))
  text <- textConnection(if (single) one else many)
  on.exit(close(text))
  model <- jags.model(text, data, starts, n.chains = CHAINS, n.adapt = 2000L, quiet = TRUE)
  update(model, BURN_IN, progress.bar = "none")
  nodes <- c("rate", "new_cohort", "tau", if (!single) "sigma")
  chains <- coda.samples(model, nodes, n.iter = iterations, thin = 4L, progress.bar = "none")
  each <- sapply(chains, function(chain) apply(as.matrix(chain), 2L, quantile, probs = SHARES), simplify = "array")
  rows <- expand.grid(share = SHARES, node = dimnames(each)[[2]], stringsAsFactors = FALSE)
  index <- as.integer(sub(".*\\[([0-9]+)\\].*", "\\1", ifelse(grepl("\\[", rows$node), rows$node, "[1]")))
  quantity <- sub("\\[.*", "", rows$node)
  data.frame(
    data_set = name,
    quantity = quantity,
    group = ifelse(quantity %in% c("tau", "sigma"), "", strategies[index]),
    share = rows$share,
    value = as.vector(apply(each, c(1, 2), mean)),
    mcse = as.vector(apply(each, c(1, 2), sd)) / sqrt(CHAINS)
  )
}

out <- do.call(rbind, lapply(unique(cohorts$data_set), fit))
out$value <- signif(out$value, 8)
out$mcse <- signif(out$mcse, 3)
write.csv(out, arguments[2], row.names = FALSE, quote = FALSE)
