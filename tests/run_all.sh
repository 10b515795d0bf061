#!/usr/bin/env bash
# Every check and every test: lint, types, shell scripts, import arrows, the serial suite, batch jobs, the MPI suite on 1, 2, 3 and 4 ranks.
#
#   bash tests/run_all.sh                 everything (set up the environment before: bash setup.sh env)
#   bash tests/run_all.sh lint serial     some of: lint quick serial batch mpi
#   bash tests/run_all.sh quick           every room in a minute and a half: what one runs ten times a day (tests/quick.txt)
#
# HPCALO_TEST_RANKS="1 2" chooses other rank counts, HPCALO_TEST_PROCESSES=1 runs the serial suite in one process instead of two.
# Ends with a summary and non-zero if anything failed.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
[ -d .venv/bin ] && export PATH="$PWD/.venv/bin:$PATH"
export PYTHONUNBUFFERED=1
eval "$(python tests/lib/mpi_settings.py)"
SERIAL_LIMIT=${SERIAL_LIMIT:-2400} BATCH_LIMIT=${BATCH_LIMIT:-900} MPI_LIMIT=${MPI_LIMIT:-900}   # seconds; a single test has its own limit (pyproject.toml)

work=$(mktemp -d "${TMPDIR:-/tmp}/hpcalo-tests.XXXXXX")
trap 'rm -rf "$work"' EXIT
summary=() failed=0

# step NAME COMMAND…: runs it, shows its output, and notes the last line that says something.
step() {
  local name=$1 log=$work/log begin=$SECONDS status line; shift
  printf '\n== %s\n' "$name"
  "$@" 2>&1 | tee "$log"; status=${PIPESTATUS[0]}
  line=$(grep -aE '[0-9]+ (passed|failed|error|skipped|deselected)|Success|Found|All checks|formatted|Contracts:' "$log" | tail -1)
  if [ "$status" = 0 ]; then line="ok      $name: $line"; else failed=1 line="FAILED  $name (exit $status): $line"; fi
  summary+=("$line  [$((SECONDS - begin)) s]")
}

# The first rank's output is the report; the others' is shown only if the run failed. Without a rank count that any MPI
# test needs, pytest finds nothing to run and says so with exit code 5, which is no failure.
# shellcheck disable=SC2317,SC2329  # step calls it
mpi_suite() {
  local ranks=$1 which=${2:-mpi} base=$work/mpi-$1 status; mkdir -p "$base"
  # shellcheck disable=SC2016
  BASE=$base WHICH=$which timeout -k 20 "$MPI_LIMIT" mpirun -n "$ranks" bash -c '
    rank=${OMPI_COMM_WORLD_RANK:-${PMI_RANK:-0}}
    run() { python -m pytest -q --color=no -m "$WHICH" --with-mpi --basetemp="$BASE/tmp-$rank" -p no:cacheprovider; }
    if [ "$rank" = 0 ]; then run; else run >"$BASE/rank-$rank.log" 2>&1; fi; status=$?
    [ $status = 5 ] && status=0
    exit $status'
  status=$?
  if [ "$status" != 0 ]; then
    for log in "$base"/rank-*.log; do [ -e "$log" ] && { echo "--- ${log##*/}"; tail -n 60 "$log"; }; done
  fi
  return "$status"
}

# Two processes, a file of tests in one of them. A test that starts ranks of its own shares the cores with the other process.
spread=(-n "${HPCALO_TEST_PROCESSES:-2}" --dist loadfile)
[ "${HPCALO_TEST_PROCESSES:-2}" = 1 ] && spread=()

parts=${*:-lint serial batch mpi}
for part in $parts; do
  case $part in
    lint)
      step "ruff" ruff check .
      step "ruff format" ruff format --check .
      step "shellcheck" shellcheck setup.sh tests/run_all.sh .ci/run jobs/*
      step "mypy" mypy
      step "import arrows" lint-imports ;;
    quick)
      step "quick suite" python -m pytest -q --color=no -m quick "${spread[@]}" --durations=5 --basetemp="$work/quick"
      step "quick MPI suite on 2 ranks" mpi_suite 2 "mpi and quick" ;;
    serial) step "serial suite" timeout -k 20 "$SERIAL_LIMIT" python -m pytest -q --color=no "${spread[@]}" --durations=10 --basetemp="$work/serial" --ignore=tests/system/batch ;;
    batch) step "batch suite" timeout -k 20 "$BATCH_LIMIT" python -m pytest -q --color=no --basetemp="$work/batch" tests/system/batch ;;
    mpi) for ranks in ${HPCALO_TEST_RANKS:-1 2 3 4}; do step "MPI suite on $ranks rank(s)" mpi_suite "$ranks"; done ;;
    *) echo "run_all.sh: unknown part '$part' (lint, quick, serial, batch, mpi)" >&2; exit 2 ;;
  esac
done

printf '\n== summary\n'
printf '%s\n' "${summary[@]}"
exit $failed
