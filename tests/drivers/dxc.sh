#!/bin/sh
# Microsoft's HLSL compiler, DXC, on Linux on x86-64. usage: sh tests/drivers/dxc.sh DIR
#
# The compiler is the libdxcompiler of the Python package `compushady-lrtu`, DXC 1.8 built with its writer of SPIR-V, which those that
# come with Windows and with browsers are built without. Optional: 15 MB, for checks that a change of the shaders needs. Writes
# DIR/dxc.env, which tests/run.sh reads: NEARFIELD_DXC is a command that takes ENTRY:FILE arguments and fails when one of them does
# not compile; after -spirv it writes FILE.spv for each.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/system.sh"
[ $# -eq 1 ] || { say "usage: sh tests/drivers/dxc.sh DIR"; exit 2; }
[ "$(uname -sm)" = "Linux x86_64" ] || { say "dxc: there is none for $(uname -sm)"; exit 1; }
dir=$(mkdir -p "$1/dxc" && cd "$1" && pwd)
root=$dir/dxc

python3 -m pip --version >/dev/null 2>&1 || install_packages "python3-pip" "python3-pip" "python-pip"
have g++ || install_packages "g++" "gcc-c++" "gcc"

if [ ! -f "$root/libdxcompiler.so" ]; then
  # Another file of this name than the one that was looked at is refused.
  sha256=b76371972f2543a1e83034a86c83cfad678dabf66be0b50b7d78edbcb1c98243
  printf 'compushady-lrtu==0.18.0 --hash=sha256:%s\n' $sha256 >"$root/package.txt"
  python3 -m pip download --quiet --no-deps --only-binary :all: --implementation cp --python-version 311 \
    --platform manylinux_2_28_x86_64 --require-hashes -r "$root/package.txt" -d "$root"
  python3 -c "
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as package, open(sys.argv[2], 'wb') as library:
    library.write(package.read('compushady/backends/libdxcompiler_x86_64.so'))
" "$root"/compushady_lrtu-*.whl "$root/libdxcompiler.so.new"
  mv "$root/libdxcompiler.so.new" "$root/libdxcompiler.so" && rm "$root"/compushady_lrtu-*.whl "$root/package.txt"
fi
g++ -O1 -o "$root/dxc-check" "$here/dxc-check.cpp" -ldl

cat >"$root/dxc" <<SCRIPT
#!/bin/sh
exec '$root/dxc-check' '$root/libdxcompiler.so' "\$@"
SCRIPT
chmod +x "$root/dxc"

# One shader that must compile and one that must not, so that a broken installation is not taken for good shaders.
printf '[numthreads(64, 1, 1)] void good(uint3 i : SV_DispatchThreadID) {}\n' >"$root/good.hlsl"
printf '[numthreads(64, 1, 1)] void bad() { undeclared = 1; }\n' >"$root/bad.hlsl"
rm -f "$root/good.hlsl.spv"
"$root/dxc" "good:$root/good.hlsl"
"$root/dxc" -spirv "good:$root/good.hlsl"
if [ ! -s "$root/good.hlsl.spv" ] || "$root/dxc" "bad:$root/bad.hlsl" >/dev/null; then
  say "dxc: it writes no SPIR-V, or accepts a wrong shader"
  exit 1
fi
printf "export NEARFIELD_DXC='%s'\n" "$root/dxc" >"$dir/dxc.env"
say "dxc: ready"
