# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# What fetch and update know about a tree of liburing.

# The version of the tree $1.
tree_version() {
	awk '/^Version:/ { print $2; exit }' "$1/liburing.spec" 2>/dev/null
}
