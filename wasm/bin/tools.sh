# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034
#
# Finds emscripten's LLVM. Sourced by uring-cc and by wasm/libc/build.

die() {
	echo "${0##*/}: $1" >&2
	exit 1
}

em_config() {
	emcc=$(readlink -f "$(command -v "${EMCC:-emcc}")") || die "no emcc"
	if [ -x "${emcc%/*}/em-config" ]; then
		"${emcc%/*}/em-config" "$1"
	else
		em-config "$1"
	fi 2> /dev/null || die "em-config does not say $1"
}

# em-config is slow, so it is asked once, when the C library is built.
[ -n "${llvm:-}" ] || llvm=$(em_config LLVM_ROOT)

# The path of a tool of LLVM's. Debian's names end in the version.
tool() {
	if [ -x "$llvm/$1" ]; then
		echo "$llvm/$1"
		return
	fi
	for path in "$llvm/$1"-*; do
		[ -x "$path" ] || continue
		case ${path##*-} in
		*[!0-9]*) ;;
		*)
			echo "$path"
			return
			;;
		esac
	done
	die "no $1 in $llvm"
}

# Real atomics, as threads and the kernel share the memory. The rest is what all
# of today's engines have.
target="--target=wasm64-unknown-unknown -matomics -mbulk-memory -mnontrapping-fptoint -msign-ext -mmutable-globals"
