#!/bin/sh
# The Vulkan drivers and tools that the tests run on. usage: sh tests/drivers/install.sh DIR
#
#   lavapipe     Mesa's software driver, from the system's packages. The only one that the tests cannot do without.
#                LP_NATIVE_VECTOR_WIDTH=128|256|512 makes its subgroups 4, 8 or 16 wide.
#   lavapipe26   Mesa 26, unpacked under DIR and run with its own C library: 8x8x8 cooperative matrices, Apple's shape.
#   swiftshader  an independent second driver, from Chromium's package: subgroups of 4, no f16, 10 storage buffers, 256 threads.
#   clang        compiles the Metal translation of the shaders (tests/metal).
#
# Writes DIR/NAME.env for each driver: source it, then run cargo. What is there already is kept. The mirror is the machine's own.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/system.sh"
[ $# -eq 1 ] || { say "usage: sh tests/drivers/install.sh DIR"; exit 2; }
dir=$(mkdir -p "$1" && cd "$1" && pwd) || exit 1

ready=0
missing=0
is_ready() { say "  $1: ready"; ready=$((ready + 1)); }
is_missing() { say "  $1: skipped, $2"; missing=$((missing + 1)); }

# The machine's own Debian mirror, as apt knows it.
debian_site() { apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' 2>/dev/null | head -n 1; }

write_env() { # NAME ICD [MORE LINES]
  {
    printf "export VK_ICD_FILENAMES='%s' VK_DRIVER_FILES='%s' NEARFIELD_BACKEND=vulkan\n" "$2" "$2"
    [ -z "${3:-}" ] || printf '%s\n' "$3"
  } >"$dir/$1.env.new" && mv "$dir/$1.env.new" "$dir/$1.env"
}

# Set up before, and not moved since.
is_set_up() { [ -f "$dir/$1.env" ] && (. "$dir/$1.env" && [ -f "$VK_DRIVER_FILES" ]); }

lavapipe() {
  ensure_software_vulkan && write_env lavapipe "$(software_vulkan_file)"
}

# An own apt root, so that the next Debian release is downloaded without the system noticing.
lavapipe26() {
  site=$(debian_site)
  key=$(ls /usr/share/keyrings/debian-archive-keyring.* 2>/dev/null | head -n 1)
  if [ -z "$site" ] || [ -z "$key" ]; then
    reason="no Debian mirror among this machine's package sources"
    return 1
  fi
  # Cargo splits a runner at its spaces.
  case $dir in *" "*) reason="the path of $dir has a space"; return 1 ;; esac
  root=$dir/lavapipe26
  rm -rf "$root" && mkdir -p "$root/lists/partial" "$root/archives/partial" "$root/files" && : >"$root/status" || return 1
  for suite in trixie trixie-backports; do echo "deb [signed-by=$key] $site $suite main"; done >"$root/sources.list"
  private_apt() {
    DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dir::Etc::sourcelist="$root/sources.list" -o Dir::Etc::sourceparts=/dev/null \
      -o Dir::State::Lists="$root/lists" -o Dir::State::status="$root/status" -o Dir::Cache::archives="$root/archives" \
      -o Dir::Cache::pkgcache="" -o Dir::Cache::srcpkgcache="" -o Debug::NoLocking=1 -o APT::Sandbox::User=root "$@"
  }
  reason="its packages could not be downloaded"
  private_apt update || return 1
  private_apt -y --no-install-recommends --download-only -t trixie-backports install mesa-vulkan-drivers libvulkan1 libc6 >/dev/null || return 1
  reason="its packages could not be unpacked"
  for package in "$root"/archives/*.deb; do dpkg -x "$package" "$root/files" || return 1; done
  rm -rf "$root/archives" "$root/lists"
  library=$(ls "$root"/files/usr/lib/*/libvulkan_lvp.so 2>/dev/null | head -n 1)
  libraries=$(dirname "$library")
  loader=$(ls "$libraries"/ld-linux-*.so.* 2>/dev/null | head -n 1)
  host=$(rustc -vV | sed -n 's/^host: //p' | tr 'a-z-' 'A-Z_')
  reason="its packages hold no driver, or rustc does not say its host"
  [ -n "$library" ] && [ -n "$loader" ] && [ -n "$host" ] || return 1
  printf '{"file_format_version":"1.0.0","ICD":{"library_path":"%s","api_version":"1.4.0"}}\n' "$library" >"$root/icd.json"
  # Programs that a test starts itself do not pass through cargo's runner: NEARFIELD_TEST_RUNNER is for those.
  write_env lavapipe26 "$root/icd.json" "export CARGO_TARGET_${host}_RUNNER='$loader --library-path $libraries'
export NEARFIELD_TEST_RUNNER='$loader --library-path $libraries'"
}

swiftshader() {
  reason="no chromium-common among this machine's packages"
  have apt-get || return 1
  root=$dir/swiftshader
  rm -rf "$root" && mkdir -p "$root/layers" || return 1
  (cd "$root" && apt-get download -qq -o APT::Sandbox::User=root chromium-common && dpkg -x chromium-common_*.deb files && rm chromium-common_*.deb) || return 1
  library=$(find "$root/files" -name libvk_swiftshader.so | head -n 1)
  reason="chromium-common holds no SwiftShader here"
  [ -n "$library" ] || return 1
  printf '{"file_format_version":"1.0.0","ICD":{"library_path":"%s","api_version":"1.1.0"}}\n' "$library" >"$root/icd.json"
  # The same package carries a current validation layer.
  printf '{"file_format_version":"1.1.0","layer":{"name":"VK_LAYER_KHRONOS_validation","type":"GLOBAL","library_path":"%s","api_version":"1.4.0","implementation_version":"1","description":"validation"}}\n' \
    "$(dirname "$library")/libVkLayer_khronos_validation.so" >"$root/layers/VkLayer_khronos_validation.json"
  write_env swiftshader "$root/icd.json" "# validation: WGPU_VALIDATION=1 VK_LAYER_PATH=$root/layers RUST_LOG=wgpu_hal=error"
}

clang() {
  clang_installed && return 0
  reason="no clang of version 15 or newer could be installed"
  name=clang
  if have apt-cache && apt-cache show clang-16 >/dev/null 2>&1; then name=clang-16; fi
  install_packages "$name" "clang" "clang" && clang_installed
}

if [ "$(uname -s)" != Linux ]; then
  say "nothing to install on $(uname -s): the system's own Metal or DX12 adapter is the driver"
  exit 0
fi

say "drivers and tools for the tests, in $dir:"
if lavapipe; then
  is_ready lavapipe
else
  say "  lavapipe: failed. The tests need Mesa's software Vulkan driver: install mesa-vulkan-drivers (Debian, Fedora) or vulkan-swrast (Arch)"
  exit 1
fi
# Both come through apt: their package lists are needed even where lavapipe was there already.
if have apt-get && [ -z "$(debian_site)" ]; then quietly as_root apt-get update -qq || true; fi
for name in lavapipe26 swiftshader; do
  reason="it could not be set up"
  if is_set_up "$name" || "$name"; then is_ready "$name"; else is_missing "$name" "$reason"; fi
done
reason=
if clang; then is_ready clang; else is_missing clang "$reason"; fi
say "drivers and tools: $ready ready, $missing skipped"
