# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034,SC2154
#
# What all scripts share that fetch a pinned source: liburing, musl, Linux. They
# source it. Functions that need a scratch folder expect $work to name one.

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

# Keep $1, the checked tarball of package $2 in version $3, in the cache.
to_cache() {
	if [ -z "$cache" ] || ! mkdir -p "$cache" 2>/dev/null ||
	   ! cp "$1" "$cache/.$$" 2>/dev/null ||
	   ! mv "$cache/.$$" "$cache/$2-$3.tar.gz"; then
		say "$2 $3: no cache to keep it in"
	fi
}

# Patch tree $1 with the patches that follow. Every patch that fits at another
# line, or not at all, is named. Fuzz stays off for other versions, too: a patch
# has one line of context, without which it would fit anywhere.
apply_patches() {
	tree_to_patch=$1
	shift
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
# system uses: for the suites that follow, if it is Debian's, and for the system's
# own. Without lists, apt prints the address of every suite's InRelease.
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

# Set up an apt that knows the sources of package $1, from the suites that follow.
# False if there are none.
apt_open() {
	package=$1
	shift
	apt_start deb-src "$@" && [ -n "$(apt_newest "$package")" ] && return
	apt=
	return 1
}

# Debian versions of package $1 that apt knows, oldest first.
apt_versions() {
	apt-cache -c "$apt/apt.conf" showsrc --only-source "$1" 2>/dev/null |
	awk '$1 == "Version:" && $2 ~ /^[0-9]+(\.[0-9]+)+-[^-]+$/ { print $2 }' |
	sort -uV
}

# The newest Debian version of package $1: of its release $2, or of all releases.
apt_newest() {
	apt_versions "$1" | awk -v v="${2-}" 'v == "" || index($0, v "-") == 1' |
	tail -n 1
}

# Download package $1 in Debian version $2 and set $tarball. apt has checked it
# against the archive's signature then.
apt_download() {
	mkdir -p "$work/src" &&
	(cd "$work/src" && timeout 300 apt-get -q -c "$apt/apt.conf" source \
		--download-only --only-source "$1=$2") >"$work/log" 2>&1 ||
		return 1
	for tarball in "$work"/src/"$1"_*.orig.tar.*; do
		case $tarball in
		*.asc) ;;
		*) [ ! -e "$tarball" ] || return 0 ;;
		esac
	done
	return 1
}

download() {
	if command -v curl >/dev/null; then
		curl -fsSL --connect-timeout 10 --max-time 120 -o "$2" "$1"
	else
		wget -q -T 20 -t 1 -O "$2" "$1"
	fi 2>/dev/null
}

# Die unless file $1 has checksum $2. $3 says what to do about it.
must_have_checksum() {
	[ "$(sha256 <"$1")" = "$2" ] ||
		die "$1 does not have the pinned checksum${3:+, $3}"
}

# Set $tarball to the release of package $1 in version $2, whose checksum is $3:
# from the cache, or the distribution's source package in the suites $4, or from
# upstream's address $5. False if it is in none of them.
fetch_pinned() {
	tarball=$cache/$1-$2.tar.gz
	if [ -n "$cache" ] && [ -e "$tarball" ]; then
		must_have_checksum "$tarball" "$3" 'delete it and try again'
		say "$1 $2: from the cache"
		return
	fi

	say "$1 $2: looking in the distribution's archive"
	# shellcheck disable=SC2086 # several suites
	if ! apt_open "$1" $4; then
		say "$1 $2: apt has no source package"
	elif deb=$(apt_newest "$1" "$2") && [ -z "$deb" ]; then
		say "$1 $2: gone from the distribution's archive"
	elif ! apt_download "$1" "$deb"; then
		say "$1 $2: the download through apt failed"
	else
		must_have_checksum "$tarball" "$3"
		say "$1 $2: from the distribution's source package"
		to_cache "$tarball" "$1" "$2"
		return
	fi

	tarball=$work/$1-$2.tar.gz
	say "$1 $2: trying upstream"
	if ! download "$5" "$tarball"; then
		say "$1 $2: upstream is out of reach"
		return 1
	fi
	must_have_checksum "$tarball" "$3"
	say "$1 $2: from upstream"
	to_cache "$tarball" "$1" "$2"
}
