#!/usr/bin/env bash
# Every check and every test: lint, types, shell scripts, import arrows, the serial suite, batch jobs, the MPI suite on 1, 2, 3 and 4 ranks.
#
#   bash tests/run_all.sh                 everything (set up the environment before: bash setup.sh env)
#   bash tests/run_all.sh lint serial     some of: lint quick serial batch mpi
#   bash tests/run_all.sh quick           every room in a minute and a half: what one runs ten times a day (tests/quick.txt)
#
# Beside the serial suite and the MPI suite on 3 ranks run, one after the other, lint, batch jobs (which wait much) and the other
# MPI suites (where rank 0 has most to do: one alone leaves a core idle). Their output is shown afterwards.
# HPCALO_TEST_RANKS="1 2" chooses other rank counts, HPCALO_TEST_PROCESSES=1 runs the serial suite in one process instead of two.
# Ends with the output of what failed, if anything did, a summary and non-zero.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
[ -d .venv/bin ] && export PATH="$PWD/.venv/bin:$PATH"
export PYTHONUNBUFFERED=1
unset PYTHONDONTWRITEBYTECODE   # hundreds of processes start: none compiles what another one has compiled
eval "$(python tests/lib/mpi_settings.py)"
SERIAL_LIMIT=${SERIAL_LIMIT:-3600} BATCH_LIMIT=${BATCH_LIMIT:-1800} MPI_LIMIT=${MPI_LIMIT:-1800}   # seconds; a single test has its own limit (pyproject.toml)
limit=(timeout -k 20)

work=$(mktemp -d "${TMPDIR:-/tmp}/hpcalo-tests.XXXXXX")
touch "$work/summary" "$work/failed" "$work/beside"
beside=0   # the process of the steps beside
end() {
  if [ "$beside" != 0 ] && kill -INT -- "-$beside" 2>"$work/kill"; then wait "$beside"; fi
  rm -rf "$work"
}
trap end EXIT
trap 'exit 130' INT TERM

# step NAME COMMAND…: runs it, shows its output (of steps beside: later), and notes the last line that says something.
step() {
  local name=$1 log begin=$SECONDS status line; shift
  log=$(mktemp "$work/log.XXXXXX")
  if [ "$BASHPID" = "$$" ]; then
    printf '\n== %s\n' "$name"
    "$@" 2>&1 | tee "$log"; status=${PIPESTATUS[0]}
  else
    "$@" >"$log" 2>&1; status=$?
    printf '%s\t%s\n' "$log" "$name (beside the others)" >>"$work/beside"
  fi
  line=$(grep -aE '[0-9]+ (passed|failed|error|skipped|deselected)|Success|Found|All checks|formatted|Contracts:' "$log" | tail -1)
  if [ "$status" = 0 ]; then line="ok      $name: $line"; else
    line="FAILED  $name (exit $status): $(grep -aE '^[0-9]+ (failed|error)' "$log" | tail -1 | grep . || echo "$line")"
  fi
  [ "$status" = 0 ] || printf '%s\t%s\n' "$log" "$name" >>"$work/failed"
  printf '%s  [%s s]\n' "$line" $((SECONDS - begin)) >>"$work/summary"
}

# show LIST LINES HEAD: the ends of the outputs in a list.
show() {
  local log name
  while IFS=$'\t' read -r log name; do printf '\n== %s%s\n' "$3" "$name"; tail -n "$2" "$log"; done <"$1"
}

# The first rank's output is the report; the others' is shown only if the run failed. Without a rank count that any MPI
# test needs, pytest finds nothing to run and says so with exit code 5, which is no failure. Only files with MPI tests are read.
# shellcheck disable=SC2317,SC2329  # step calls it
mpi_suite() {
  local ranks=$1 which=${2:-mpi} base=$work/mpi-$1 status files; mkdir -p "$base"
  mapfile -t files < <(grep -rlE --include='test_*.py' 'mark\.mpi\b' tests | sort)
  # shellcheck disable=SC2016
  BASE=$base WHICH=$which "${limit[@]}" "$MPI_LIMIT" mpirun -n "$ranks" bash -c '
    rank=${OMPI_COMM_WORLD_RANK:-${PMI_RANK:-0}}
    run() { python -m pytest -q --color=no -m "$WHICH" --with-mpi --durations=5 --basetemp="$BASE/tmp-$rank" -p no:cacheprovider "$@"; }
    if [ "$rank" = 0 ]; then run "$@"; else run "$@" >"$BASE/rank-$rank.log" 2>&1; fi; status=$?
    [ $status = 5 ] && status=0
    exit $status' bash "${files[@]}"
  status=$?
  if [ "$status" != 0 ]; then
    for log in "$base"/rank-*.log; do [ -e "$log" ] && { echo "--- ${log##*/}"; tail -n 60 "$log"; }; done
  fi
  return "$status"
}

# Two processes; each takes tests from the other when it has none left. A test that starts ranks of its own shares the cores.
spread=(-n "${HPCALO_TEST_PROCESSES:-2}" --dist worksteal)
[ "${HPCALO_TEST_PROCESSES:-2}" = 1 ] && spread=()

part() {
  case $1 in
    lint)
      step "ruff" ruff check .
      step "ruff format" ruff format --check .
      step "shellcheck" shellcheck setup.sh tests/run_all.sh .ci/run packaging/container/install.sh jobs/*
      step "mypy" mypy
      step "import arrows" lint-imports ;;
    quick)
      step "quick suite" python -m pytest -q --color=no -m quick "${spread[@]}" --durations=5 --basetemp="$work/quick"
      step "quick MPI suite on 2 ranks" mpi_suite 2 "mpi and quick" ;;
    serial) step "serial suite" "${limit[@]}" "$SERIAL_LIMIT" python -m pytest -q --color=no "${spread[@]}" --durations=10 --basetemp="$work/serial" --ignore=tests/system/batch ;;
    batch) step "batch suite" "${limit[@]}" "$BATCH_LIMIT" python -m pytest -q --color=no --durations=5 -p no:cacheprovider --basetemp="$work/batch" tests/system/batch ;;
    mpi-*) step "MPI suite on ${1#mpi-} rank(s)" mpi_suite "${1#mpi-}" ;;
  esac
}

here=() there=()   # in the foreground; beside it
[ $# -gt 0 ] || set -- lint serial batch mpi
for name in "$@"; do
  case $name in
    lint | batch) there+=("$name") ;;
    quick | serial) here+=("$name") ;;
    mpi) for ranks in ${HPCALO_TEST_RANKS:-1 2 3 4}; do if [ "$ranks" = 3 ]; then here+=(mpi-3); else there+=("mpi-$ranks"); fi; done ;;
    *) echo "run_all.sh: unknown part '$name' (lint, quick, serial, batch, mpi)" >&2; exit 2 ;;
  esac
done

case " ${here[*]} " in
  *" serial "*)
    # A group of its own, which an interrupt ends as a whole; `timeout` stays in it.
    set -m
    ( limit=(timeout --foreground -k 20); for name in "${there[@]}"; do part "$name"; done ) </dev/null &
    beside=$!
    set +m ;;
  *) for name in "${there[@]}"; do part "$name"; done ;;
esac
for name in "${here[@]}"; do part "$name"; done
if [ "$beside" != 0 ]; then wait "$beside"; beside=0; show "$work/beside" +1 ""; fi

show "$work/failed" 100 "FAILED: "
printf '\n== summary\n'
cat "$work/summary"
printf 'the whole run took %d:%02d\n' $((SECONDS / 60)) $((SECONDS % 60))
[ ! -s "$work/failed" ]
