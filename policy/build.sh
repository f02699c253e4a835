#!/bin/sh
# Compile a policy's source to a WASM module.
#
#   policy/build.sh [OUTPUT [SOURCE]]
#
# OUTPUT defaults to policy/wasm/vault-law-akash-policy.wasm, SOURCE, below policy/, to vault-law-akash-policy.rs.
#
# The same compiler gives the same bytes in any folder and under any output name, so the committed module can be
# checked by building it anew. RUSTC and WASM_LD name other tools. Exit status 2: a tool is missing.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
source=${2:-vault-law-akash-policy.rs}
output=${1:-$here/wasm/vault-law-akash-policy.wasm}

missing() {
    echo "policy/build.sh: $1" >&2
    echo "On Debian and Ubuntu: apt-get install rustc libstd-rust-dev-wasm32 lld" >&2
    exit 2
}

# Debian's rustc by its full name: a rustup toolchain earlier in PATH has no wasm32 library unless one was added to it.
rustc=${RUSTC:-/usr/bin/rustc}
[ -x "$(command -v "$rustc")" ] || missing "no Rust compiler at $rustc"

linker=${WASM_LD:-}
if [ -z "$linker" ]; then
    for name in wasm-ld-14 wasm-ld; do
        if command -v "$name" >/dev/null 2>&1; then
            linker=$name
            break
        fi
    done
fi
[ -n "$linker" ] && command -v "$linker" >/dev/null 2>&1 || missing "no WASM linker (looked for ${linker:-wasm-ld-14 and wasm-ld})"

library=$("$rustc" --print target-libdir --target wasm32-unknown-unknown 2>/dev/null || true)
[ -d "$library" ] || missing "$rustc has no library for wasm32-unknown-unknown"

case $output in
    /*) ;;
    *) output=$(pwd)/$output ;;
esac
mkdir -p "$(dirname -- "$output")"

# Compiled under a fresh name and moved over the old module: a build that breaks off leaves the old one whole.
scratch=$(mktemp -d "${TMPDIR:-/tmp}/policy-build.XXXXXX")
trap 'rm -rf "$scratch"' EXIT HUP INT TERM

# One page of memory, minimum = maximum: memory that cannot grow cannot move under the host's view of it.
# From the source's own folder, so that no path outside the project can enter the module.
cd "$here"
"$rustc" "$source" -o "$scratch/module.wasm" \
    --crate-name "$(basename -- "$source" .rs | tr - _)" --crate-type cdylib --edition 2021 --target wasm32-unknown-unknown \
    -C opt-level=3 -C lto -C panic=abort -C strip=symbols -C codegen-units=1 -C "linker=$linker" \
    -C link-arg=-zstack-size=8192 -C link-arg=--initial-memory=65536 -C link-arg=--max-memory=65536

chmod 644 "$scratch/module.wasm"
mv -f -- "$scratch/module.wasm" "$output"
