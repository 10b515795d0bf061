#!/usr/bin/env bash
# Installs hpcalo from the folder SOURCE into /opt/hpcalo on Debian 12: what the Dockerfile and hpcalo.def run, as root.
#
#   bash install.sh SOURCE
#
# HPCALO_WHEELS=FOLDER: compiled wheels of h5py and petsc4py, which otherwise are built here (minutes).
set -euo pipefail
source=${1:?usage: install.sh SOURCE}
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_NO_CACHE_DIR=1
apt-get update -qq
apt-get install -y -qq --no-install-recommends ca-certificates python3-venv python3-dev g++ make cmake ninja-build \
  openmpi-bin libopenmpi-dev libhdf5-openmpi-dev libpetsc-real3.18-dev libopenblas-serial-dev
multiarch=$(gcc -dumpmachine)
python3 -m venv /opt/hpcalo
pip() { /opt/hpcalo/bin/python -m pip "$@"; }
pip install -q -U pip 'setuptools>=77,<81' wheel
pip install -q 'numpy>=2,<2.4' 'cython<3.2' pkgconfig 'mpi4py>=4' 'scikit-build-core>=1.1.2' 'nanobind>=3.1'
if [ -n "${HPCALO_WHEELS:-}" ]; then
  pip install -q --no-deps --no-index --find-links "$HPCALO_WHEELS" h5py petsc4py
else
  CC=mpicc HDF5_MPI=ON HDF5_DIR=/usr/lib/$multiarch/hdf5/openmpi pip install -q --no-build-isolation --no-deps --no-binary=h5py h5py
  PETSC_DIR=/usr/lib/petscdir/petsc3.18/$multiarch-real PETSC_ARCH='' pip install -q --no-build-isolation --no-deps petsc4py==3.18.5
fi
pip install -q --no-build-isolation "${source}[wall,models,movie]"
pip check
ln -sf /opt/hpcalo/bin/hpcalo /usr/local/bin/hpcalo
rm -rf /var/lib/apt/lists/*
