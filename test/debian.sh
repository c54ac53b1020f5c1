# debian.sh - where Debian's releases come from; to be sourced by bash.

# What takes long to make is kept here, outside the tree
cache=${AMPLIFY_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/amplify_fdw}

# The release that a version of PostgreSQL belongs to
# shellcheck disable=SC2034
declare -A releases=([15]=bookworm [17]=trixie [18]=forky [19]=experimental)

# The address that this machine has its own packages from
mirror() {
    apt-get indextargets --format '$(SITE)' 'Created-By: Packages' |
        grep -m 1 '/debian/*$' || printf 'http://deb.debian.org/debian\n'
}

# What apt is to do as it does here; and the list of a release in the making,
# which is valid for a week only, is good for our tests even if a mirror is
# behind.  It is signed, all the same.
apt_settings() {
    apt-config dump Acquire::http
    printf 'Acquire::Check-Valid-Until "false";\n'
}
