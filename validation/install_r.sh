#!/usr/bin/env bash
# Installs R and the packages that the validation compares with, from Debian, where they are missing.
set -euo pipefail
if Rscript -e 'quit(status = !all(sapply(c("metafor", "survival", "metadat", "lme4", "rjags", "foreign", "haven"), requireNamespace, quietly = TRUE)))' >/dev/null 2>&1; then
  exit 0
fi
sudo=""
if [ "$(id -u)" -ne 0 ]; then sudo="sudo"; fi
echo "Installing R with metafor, survival, metadat, lme4, rjags, foreign and haven from Debian ..."
$sudo apt-get update -qq
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
  r-base-core r-cran-metafor r-cran-survival r-cran-metadat r-cran-lme4 r-cran-rjags \
  r-cran-foreign r-cran-haven >/dev/null
