# shellcheck shell=sh
# What the scripts need from the operating system. Sourced by tests/run.sh, tests/drivers/*.sh and examples/run.sh.
# A system package is installed only where what it provides is missing, and never silently.

say() { printf '%s\n' "$*" >&2; }

have() { command -v "$1" >/dev/null 2>&1; }

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif have sudo; then
    sudo "$@"
  else
    say "this needs root, and there is no sudo here. As root, run: $*"
    return 1
  fi
}

# Package managers talk much on good days: what they said is shown when they fail.
quietly() {
  said=$("$@" 2>&1) || {
    say "$said"
    return 1
  }
}

# install_packages "APT NAMES" "DNF NAMES" "PACMAN NAMES": an empty list means that this system does not package it.
install_packages() {
  if have apt-get; then
    names=$1 manager=apt-get
  elif have dnf; then
    names=$2 manager=dnf
  elif have pacman; then
    names=$3 manager=pacman
  else
    say "no apt-get, dnf or pacman here: install the equivalent of Debian's $1 by hand"
    return 1
  fi
  if [ -z "$names" ]; then
    say "$manager has no package for it"
    return 1
  fi
  say "installing with $manager: $names"
  # A fresh image has no package lists; an update that fails on one source can still have fetched the rest.
  if [ "$manager" = apt-get ] && [ -z "${package_lists_fresh:-}" ]; then
    quietly as_root apt-get update -qq || say "apt-get update failed: going on with the lists that are there"
    package_lists_fresh=1
  fi
  # The lists of names are split on purpose.
  # shellcheck disable=SC2086
  case $manager in
    apt-get) quietly as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $names ;;
    dnf) quietly as_root dnf install -y -q $names ;;
    pacman) quietly as_root pacman -S --noconfirm --needed $names ;;
  esac
}

ensure_cargo() {
  if ! have cargo; then
    say "cargo is not on the PATH: install Rust 1.88 or newer (https://rustup.rs) and run this again"
    return 1
  fi
}

# Rust links through the system's C compiler driver; a bare Debian has none.
ensure_linker() {
  have cc && return 0
  case $(uname -s) in
    Linux) say "no C compiler driver (cc), which Rust needs for linking"; install_packages "gcc libc6-dev" "gcc" "gcc" ;;
    Darwin) say "no C compiler driver (cc), which Rust needs for linking: run xcode-select --install"; return 1 ;;
    *) return 0 ;;
  esac
}

# The description file of Mesa's software driver, where a Vulkan loader would look for it; empty when it is not installed.
software_vulkan_file() {
  for file in /usr/share/vulkan/icd.d/lvp_icd*.json /usr/local/share/vulkan/icd.d/lvp_icd*.json /etc/vulkan/icd.d/lvp_icd*.json; do
    if [ -f "$file" ]; then
      printf '%s' "$file"
      return 0
    fi
  done
}

vulkan_loader_installed() {
  for file in /usr/lib/libvulkan.so.1 /usr/lib64/libvulkan.so.1 /usr/lib/*/libvulkan.so.1 /usr/local/lib/libvulkan.so.1; do
    [ -e "$file" ] && return 0
  done
  return 1
}

# Mesa's software Vulkan driver (lavapipe) and the Vulkan loader.
install_software_vulkan() {
  install_packages "mesa-vulkan-drivers libvulkan1" "mesa-vulkan-drivers vulkan-loader" "vulkan-swrast vulkan-icd-loader" || return 1
  if [ -z "$(software_vulkan_file)" ]; then
    say "the packages are installed, but Mesa's software driver (lvp_icd*.json) is not among their files"
    return 1
  fi
}

ensure_software_vulkan() {
  if [ -n "$(software_vulkan_file)" ] && vulkan_loader_installed; then return 0; fi
  install_software_vulkan
}

# Metal's code needs `_Float16`, which clang has on x86 since version 15. In a shell of its own, whose names are no caller's.
clang_installed() (
  # GCC has the type as well.
  text='#ifndef __clang__\n#error\n#endif\n_Float16 half;\n'
  names="clang++ clang++-22 clang++-21 clang++-20 clang++-19 clang++-18 clang++-17 clang++-16 clang++-15"
  for name in ${NEARFIELD_CLANG:-$names}; do
    have "$name" && printf "$text" | "$name" -x c++ -fsyntax-only - >/dev/null 2>&1 && exit 0
  done
  exit 1
)
