#!/usr/bin/env bash
# A chain of jobs, each continuing the one before: for sites that do not let a job requeue itself.
#
#   bash jobs/chain.sh 5 [options of sbatch] jobs/kubo.slurm input/mnw001.toml
#
# Every job starts when the previous one has ended, however it ended. A job that finds the result complete does nothing,
# so a few surplus links cost nothing.

set -euo pipefail
count=${1:?usage: bash jobs/chain.sh COUNT [options of sbatch] SCRIPT INPUT.toml [RESULT.h5]}
shift
if ! [[ $count =~ ^[1-9][0-9]*$ ]]; then echo "chain.sh: COUNT is a number of jobs, not '$count'" >&2; exit 2; fi
if ! command -v sbatch >/dev/null; then echo "chain.sh: sbatch not found: this is not a machine of a SLURM cluster" >&2; exit 7; fi
export HPCALO_CHAIN=1   # jobs hand over to the next one instead of requeueing themselves
after=()
for ((link = 1; link <= count; link++)); do
  id=$(sbatch --parsable "${after[@]}" "$@")
  id=${id%%;*}
  echo "job $link of $count: $id"
  after=(--dependency="afterany:$id")
done
