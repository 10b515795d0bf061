#!/usr/bin/env bash
# Sets up hpcalo on a Debian 12 machine and runs it.
#
#   bash setup.sh demo    set up, then run the main job on two MPI ranks and draw its figure
#   bash setup.sh test    set up, then run every check and every test (serial, and on 1, 2, 3 and 4 ranks)
#   bash setup.sh env     set up only
#   bash setup.sh build   recompile the C++ kernels of this checkout
#
# Safe to repeat: finished steps are skipped, and compiled wheels are kept in
# ${HPCALO_CACHE:-~/.cache/hpcalo}. Other systems: load MPI, PETSc and parallel HDF5, then `pip install .` (see README.md).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
export LC_ALL=C.UTF-8 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
VENV=$PWD/.venv
CACHE=${HPCALO_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/hpcalo}
APT=(ca-certificates python3-venv python3-dev g++ make cmake ninja-build openmpi-bin libopenmpi-dev libhdf5-openmpi-dev
     libpetsc-real3.18-dev libopenblas-serial-dev)
APT_BATCH=(slurm-wlm munge)   # the batch tests start a cluster of one machine; without these they skip
APT_BROWSER=(chromium)        # the tests of reports look at the page in it
MULTIARCH=$(gcc -dumpmachine 2>/dev/null || echo "$(uname -m)-linux-gnu")

say() { printf '\033[1m== %s\033[0m\n' "$*"; }
fail() { printf 'setup.sh: %s\n' "$*" >&2; exit 1; }

missing() { for p in "$@"; do dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || echo "$p"; done; }

system_packages() {
  command -v apt-get >/dev/null || fail "this script installs with apt-get (Debian 12); on another system load MPI, PETSc and parallel HDF5 and run 'pip install .'"
  local need; mapfile -t need < <(missing "${APT[@]}")
  [ "${#need[@]}" = 0 ] && return
  [ "$(id -u)" = 0 ] || fail "these packages are missing and need root to install: ${need[*]}"
  say "system packages: ${need[*]}"
  apt-get update -qq
  apt-cache show libpetsc-real3.18-dev >/dev/null 2>&1 || fail "this system has no libpetsc-real3.18-dev (Debian 12 has it); for other systems see docs/guide/cluster.md"
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${need[@]}" >/dev/null
}

# Packages that only some tests need: `optional WORDS PACKAGE…`.
optional() {
  local words=$1 need; shift
  mapfile -t need < <(missing "$@")
  if [ "${#need[@]}" = 0 ]; then return; fi
  if [ "$(id -u)" != 0 ]; then say "$words will be skipped: ${need[*]} not installed"; return; fi
  say "for the $words: ${need[*]}"
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${need[@]}" >/dev/null || say "$words will be skipped: ${need[*]} cannot be installed"
}

# Readers of ParaView and Ubermag for the tests of exported files (1.6 GB, a minute); installed packages keep their versions.
viewers() {
  "$VENV/bin/python" -c 'import sys; from importlib.util import find_spec as f; sys.exit(not (f("vtk") and f("discretisedfield")))' && return
  say "for the tests of exported files: readers of ParaView and Ubermag"
  "$VENV/bin/python" -m pip list --format=freeze --exclude-editable >"$VENV/.constraints"
  "$VENV/bin/python" -m pip install -q -c "$VENV/.constraints" --no-build-isolation -C wheel.cmake=false -e '.[viewers]' \
    || say "the tests of exported files in readers of ParaView and Ubermag will be skipped: they cannot be installed"
}

# Builds NAME==VERSION once and keeps the wheel. Without build isolation: an isolated build would compile an MPI of its own.
wheel() {
  local spec=$1 file=$2; shift 2
  compgen -G "$CACHE/wheels/$file" >/dev/null && return
  env "$@" "$VENV/bin/python" -m pip wheel -q --no-build-isolation --no-deps --no-binary=:all: -w "$CACHE/wheels" "$spec"
}

python_environment() {
  local stamp=$VENV/.hpcalo-environment
  local want; want=$(cat setup.sh pyproject.toml | sha256sum)
  if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ]; then return; fi
  [ -x "$VENV/bin/python" ] || /usr/bin/python3 -m venv "$VENV"
  local pip="$VENV/bin/python -m pip"
  say "Python environment (numerics)"
  $pip install -q -U pip 'setuptools>=77,<81' wheel
  $pip install -q numpy==2.3.5 scipy==1.17.1 mpi4py==4.1.2 'cython>=3.0,<3.2' pkgconfig scikit-build-core==1.1.2 nanobind==3.1.0 threadpoolctl
  mkdir -p "$CACHE/wheels"
  say "h5py on parallel HDF5 and petsc4py (compiled once, minutes)"
  wheel h5py==3.16.0 'h5py-3.16.0-cp311-*.whl' CC=mpicc CFLAGS=-g0 HDF5_MPI=ON "HDF5_DIR=/usr/lib/$MULTIARCH/hdf5/openmpi" &
  local h5=$!
  wheel petsc4py==3.18.5 'petsc4py-3.18.5-cp311-*.whl' "CFLAGS=-g0 -O1" "PETSC_DIR=/usr/lib/petscdir/petsc3.18/$MULTIARCH-real" PETSC_ARCH=
  wait $h5
  $pip install -q --no-deps --no-index --find-links "$CACHE/wheels" h5py==3.16.0 petsc4py==3.18.5
  say "Python environment (hpcalo and its tools)"
  # An editable install without its own build: the kernels are compiled into the source tree by the next step.
  $pip install -q --no-build-isolation -C wheel.cmake=false -e '.[test]'
  $pip check
  echo "$want" >"$stamp"
}

kernels() {
  local stamp=build/.kernels want
  want=$(cat CMakeLists.txt hpcalo/*/kernels/*.cpp hpcalo/*/kernels/*.hpp hpcalo/native/*.hpp 2>/dev/null | sha256sum)
  if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ]; then return; fi
  say "C++ kernels"
  PATH="$VENV/bin:$PATH" cmake --preset release >build/configure.log 2>&1 || { cat build/configure.log; fail "CMake cannot configure the kernels"; }
  cmake --build --preset release >build/kernels.log 2>&1 || { cat build/kernels.log; fail "the kernels did not compile"; }
  echo "$want" >"$stamp"
}

runtime() {
  # One BLAS thread per rank; root and more ranks than cores are allowed on a test machine.
  export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 PATH="$VENV/bin:$PATH"
  if [ "$(id -u)" = 0 ]; then export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1; fi
  export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_mpi_yield_when_idle=1 OMPI_MCA_btl_base_warn_component_unused=0
  export OMPI_MCA_btl=self,vader OMPI_MCA_btl_vader_single_copy_mechanism=none
}

setup() { mkdir -p build; exec 9>build/.setup.lock; flock 9; system_packages; python_environment; kernels; exec 9>&-; runtime; }

demo() {
  mkdir -p results
  say "main job: the thermal spin-orbit torque of Mn/W(001), two MPI ranks"
  if [ -e results/mnw001.h5.checkpoint-a ] || [ -e results/mnw001.h5.checkpoint-b ]; then   # stopped before: continue
    mpirun -n 2 hpcalo restart results/mnw001.h5 --force
  else
    mpirun -n 2 hpcalo run input/mnw001.toml --output results/mnw001.h5 --force
  fi
  hpcalo plot results/mnw001.h5 --output results/mnw001.png --force
  say "figure: results/mnw001.png   data: results/mnw001.h5 (hpcalo info results/mnw001.h5)"
}

case "${1:-}" in
  demo) setup; demo ;;
  test) setup; optional "batch tests" "${APT_BATCH[@]}"; optional "browser tests" "${APT_BROWSER[@]}"; viewers; bash tests/run_all.sh "${@:2}" ;;
  env) setup; say "ready: source .venv/bin/activate" ;;
  build) runtime; rm -f build/.kernels; kernels ;;
  *) sed -n '2,11s/^# \{0,1\}//p' "$0"; [ -z "${1:-}" ] || fail "unknown target '$1' (demo, test, env, build)" ;;
esac
