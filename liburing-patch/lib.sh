# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC1091,SC2119,SC2120,SC2154
#
# What fetch and update share, and kernel-patch with them. Sourced with $here
# set to the directory that has upstream.env and patches/, and for all that
# needs a scratch folder, $work set to one.

. "$here/upstream.env"

cache=${XDG_CACHE_HOME:-${HOME:+$HOME/.cache}}
cache=${cache:+$cache/liburing-wasm}
apt=

say() {
	printf '%s\n' "$*" >&2
}

die() {
	say "${0##*/}: $*"
	exit 1
}

need() {
	for tool; do
		command -v "$tool" >/dev/null || die "$tool is not installed"
	done
}

sha256() {
	sha256sum | cut -d ' ' -f 1
}

# Is release $2 newer than $1?
newer() {
	[ "$1" != "$2" ] &&
	[ "$(printf '%s\n' "$1" "$2" | sort -V | tail -n 1)" = "$2" ]
}

unpack() {
	mkdir -p "$2" && tar -xf "$1" -C "$2" --strip-components=1 --no-same-owner
}

tree_version() {
	awk '/^Version:/ { print $2; exit }' "$1/liburing.spec" 2>/dev/null
}

# Cache $1, the checked tarball of version $2 (of package $3).
to_cache() {
	if [ -z "$cache" ] || ! mkdir -p "$cache" 2>/dev/null ||
	   ! cp "$1" "$cache/.$$" 2>/dev/null ||
	   ! mv "$cache/.$$" "$cache/${3:-liburing}-$2.tar.gz"; then
		say "${3:-liburing} $2: no cache to keep it in"
	fi
}

# Patch tree $1 with the patches that follow, all of them if none does, and name
# every patch that has moved or does not fit. Fuzz stays off for other versions,
# too: a patch has one line of context, without which it would fit anywhere.
apply_patches() {
	tree_to_patch=$1
	shift
	[ $# -gt 0 ] || set -- "$here"/patches/*.patch
	failed=0
	for p; do
		if ! LC_ALL=C patch -d "$tree_to_patch" -p1 -N -f -F 0 -r - \
		     --no-backup-if-mismatch <"$p" >"$work/log" 2>&1; then
			say "${p##*/}: does not apply"
			failed=1
		elif ! grep -q offset "$work/log"; then
			continue
		else
			say "${p##*/}: applies, not quite where it was"
		fi
		awk '/^patching/ { f = $3 }
		     /^The next patch would/ { f = $8; sub(",", "", f) }
		     /offset|FAILED|ignored|Reversed|find file/ { print "  " f ": " $0 }' \
			"$work/log" >&2
	done
	return $failed
}

# Entries of type $1, deb or deb-src, for the Debian (or Ubuntu) archive that the
# system uses, for the suites that follow if it is Debian's, and for its own. apt
# knows how to read its configuration, and with no lists it names every suite's
# InRelease.
apt_sources() {
	type=$1
	shift
	apt-get -o Dir::State::Lists="$apt/lists" --print-uris update 2>/dev/null |
	sed -n "s|^'\(.*\)/dists/\(.*\)/InRelease' .*|\1 \2|p" |
	awk -v suites="$*" '
		function emit(distro, suite) {
			if (!seen[$1, suite]++)
				print distro, $1, suite
		}
		$2 ~ /-security/ { next }
		$1 ~ /\/debian(\.list)?$/ {
			n = split(suites, suite, " ")
			for (i = 1; i <= n; i++)
				emit("debian", suite[i])
			emit("debian", $2)
		}
		$1 ~ /\/ubuntu(-ports)?$/ { emit("ubuntu", $2) }' |
	while read -r distro uri suite; do
		signed=
		for key in /usr/share/keyrings/"$distro"-archive-keyring.*; do
			[ ! -e "$key" ] || signed="[signed-by=$key]"
		done
		echo "$type $signed $uri $suite main"
	done
}

# Set up an apt of our own: the system's mirror, proxy and keys, but neither
# its lists nor its hooks. The arguments are those of apt_sources.
apt_start() {
	command -v apt-get >/dev/null || return 1
	apt=$work/apt
	mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" || return 1
	apt_sources "$@" >"$apt/sources.list"
	cat >"$apt/apt.conf" <<-EOF
		#clear APT::Update::Pre-Invoke;
		#clear APT::Update::Post-Invoke;
		#clear APT::Update::Post-Invoke-Success;
		Dir::Etc::SourceList "$apt/sources.list";
		Dir::Etc::SourceParts "/dev/null";
		Dir::State::Lists "$apt/lists";
		Dir::Cache "$apt/cache";
		APT::Sandbox::User "root";
		APT::Get::AllowUnauthenticated "false";
		Acquire::AllowInsecureRepositories "false";
		Acquire::Languages "none";
		Acquire::Retries "1";
		Acquire::http::Timeout "30";
		Acquire::https::Timeout "30";
	EOF
	# The mirror may lack one of the suites, so only the outcome counts.
	timeout 300 apt-get -q -c "$apt/apt.conf" update >"$work/log" 2>&1 || :
}

# An apt that knows the sources of liburing. False if there are none.
apt_open() {
	apt_start deb-src forky sid && [ -n "$(apt_newest)" ]
}

# Debian versions of the releases that apt knows, oldest first.
apt_versions() {
	apt-cache -c "$apt/apt.conf" showsrc --only-source liburing 2>/dev/null |
	awk '$1 == "Version:" && $2 ~ /^[0-9]+(\.[0-9]+)+-[^-]+$/ { print $2 }' |
	sort -uV
}

# The newest Debian version of release $1, or of all releases.
apt_newest() {
	apt_versions | awk -v v="${1-}" 'v == "" || index($0, v "-") == 1' |
	tail -n 1
}

# Download Debian version $1 (of package $2) and set $tarball. apt has checked
# it against the archive's signature then.
apt_download() {
	mkdir -p "$work/src" &&
	(cd "$work/src" && timeout 300 apt-get -q -c "$apt/apt.conf" source \
		--download-only --only-source "${2:-liburing}=$1") >"$work/log" 2>&1 ||
		return 1
	for tarball in "$work"/src/"${2:-liburing}"_*.orig.tar.*; do
		case $tarball in
		*.asc) ;;
		*) [ ! -e "$tarball" ] || return 0 ;;
		esac
	done
	return 1
}
