#!/bin/sh
# Microsoft's HLSL compiler for tests/shaders.rs, on a Debian without Windows. usage: sh tests/drivers/dxc.sh DIR
#
# The compiler is the dxcompiler.dll of the npm package `webgpu`; it runs under wine. Optional: 500 MB of system packages,
# for a check that only a change of the shaders needs. Writes DIR/dxc.env, which tests/run.sh reads: NEARFIELD_DXC is a
# command that takes ENTRY:FILE arguments and fails when one of them does not compile.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/system.sh"
[ $# -eq 1 ] || { say "usage: sh tests/drivers/dxc.sh DIR"; exit 2; }
dir=$(mkdir -p "$1/dxc" && cd "$1" && pwd)
root=$dir/dxc

wine_program() {
  for name in wine64 wine /usr/lib/wine/wine64; do
    have "$name" && command -v "$name" && return 0
  done
  return 1
}
wine_program >/dev/null || install_packages "wine64" "wine-core" "wine"
have x86_64-w64-mingw32-g++ || install_packages "g++-mingw-w64-x86-64" "mingw64-gcc-c++" "mingw-w64-gcc"
have npm || install_packages "npm" "npm" "npm"

if [ ! -f "$root/dxcompiler.dll" ]; then
  (
    cd "$root"
    npm pack --silent webgpu@0.6.2 >/dev/null
    tar -xzf webgpu-0.6.2.tgz package/dist/win32-x64/dxcompiler.dll
    mv package/dist/win32-x64/dxcompiler.dll . && rm -r package webgpu-0.6.2.tgz
  )
fi
x86_64-w64-mingw32-g++ -O1 -static -o "$root/dxc-check.exe" "$here/dxc-check.cpp"

cat >"$root/dxc" <<END
#!/bin/sh
WINEPREFIX='$root/wine' WINEDEBUG=-all DISPLAY= exec '$(wine_program)' '$root/dxc-check.exe' "\$@"
END
chmod +x "$root/dxc"

# One shader that must compile and one that must not, so that a broken installation is not taken for good shaders.
printf '[numthreads(64, 1, 1)] void good(uint3 i : SV_DispatchThreadID) {}\n' >"$root/good.hlsl"
printf '[numthreads(64, 1, 1)] void bad() { undeclared = 1; }\n' >"$root/bad.hlsl"
"$root/dxc" "good:$root/good.hlsl"
if "$root/dxc" "bad:$root/bad.hlsl" >/dev/null; then
  say "dxc: it accepts a wrong shader"
  exit 1
fi
printf "export NEARFIELD_DXC='%s'\n" "$root/dxc" >"$dir/dxc.env"
say "dxc: ready"
