# Sourced by every script of this folder: strict mode, the repository's root, messages, how many jobs fit.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

if [[ -t 2 ]]; then bold=$'\e[1m' plain=$'\e[0m'; else bold='' plain=''; fi

# say TEXT: one line of progress to stderr; stdout carries results only.
say() { printf '%s%s%s\n' "$bold" "$*" "$plain" >&2; }

# die TEXT: says what is wrong and what to do, and ends the script.
die() { printf '%s\n' "$*" >&2; exit 1; }

# show_help "$@": with --help or -h among the arguments, prints the script's opening comment and ends.
show_help() {
  local argument
  for argument in "$@"; do
    case "$argument" in -h | --help) sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0"; exit 0 ;; esac
  done
}

# Compilers that run at once: one a core, each with 1.5 GB of what memory is free now.
job_count() {
  local cores free_kb fit
  cores=$(nproc)
  free_kb=$(awk '/^MemAvailable/ {print $2}' /proc/meminfo)
  fit=$((free_kb / 1500000))
  ((fit < 1)) && fit=1
  echo $((fit < cores ? fit : cores))
}

# The folder that bootstrap found or made torch in; the link is resolved, so that a clone that was built with
# one torch is built anew with another.
torch_folder() { readlink -f "${OCCVLA_TORCH:-build/deps/torch}"; }

# find_clang: the newest clang++ that can link libFuzzer; fails where there is none.
find_clang() {
  local clang
  for clang in clang++ clang++-{21..14}; do
    command -v "$clang" >/dev/null || continue
    [[ -n $(find "$("$clang" -print-resource-dir)" -name 'libclang_rt.fuzzer*.a' -print -quit) ]] || continue
    echo "$clang"
    return
  done
  return 1
}
