# chroot.sh - Debian's releases in chroots; to be sourced by bash.
#
# A release is fetched at the first time and kept in $cache.  All that happens in
# a chroot does so in mount and process namespaces of its own: however it ends,
# nothing stays mounted and nothing goes on running.

. "$top/test/debian.sh"
child=
end_child=                      # the signal that ends it and all it started

die() {
    printf '%s\n' "$*" >&2
    exit 1
}

# Not for all: tee goes on as long as this has its end of the pipe.
clean_up() {
    [ -n "$child" ] || return 0
    kill "-$end_child" "$child" 2> /dev/null || true
    wait "$child" || true
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Runs a command in the background and waits for it, as bash would run a trap
# only after the end of a command in the foreground.
supervised() {
    local result=0

    "$@" &
    child=$!
    wait "$child" || result=$?
    child=
    return "$result"
}

# Runs a command in namespaces of its own.  unshare does not pass a signal on,
# but its end is the end of all.
isolated() {
    end_child=KILL
    supervised unshare --mount --propagation private --pid --fork \
        --kill-child "$@"
}

# Runs a script of bash in a chroot, where the repository is /mnt, read-only, with
# these variables and no others.  What "before_chroot" says is done before, by
# sh, with the chroot as $1.
before_chroot=
# shellcheck disable=SC2016
in_chroot() {
    local root=$1 script=$2

    shift 2
    isolated bash -euc '
        root=$1 top=$2 script=$3
        eval "$4"
        shift 4
        mount -t proc proc "$root/proc"
        mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
        mkdir -p "$root/dev/shm"
        mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
        mount --bind "$top" "$root/mnt"
        mount -o remount,bind,ro "$root/mnt"
        exec chroot "$root" env -i HOME=/root TERM=dumb \
            PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
            "$@" bash -euc "$script"' \
        in_chroot "$root" "$top" "$script" "$before_chroot" "$@"
}

# Whether chroots can be used here; it says why not.
# shellcheck disable=SC2016
may_chroot() {
    isolated sh -euc 'mount -t proc proc /proc
        mount -t tmpfs tmpfs /mnt
        chroot / true'
}

# Two may need it at once
need_debootstrap() (
    flock 9
    command -v debootstrap > /dev/null ||
        { apt-get -q update && DEBIAN_FRONTEND=noninteractive \
            apt-get -q -y --no-install-recommends install debootstrap; }
) 9< "$cache"

# What only tests live in need not survive a power cut, and nobody reads there
dpkg_settings() {
    printf '%s\n' force-unsafe-io 'path-exclude=/usr/share/doc/*' \
        'path-exclude=/usr/share/man/*' 'path-exclude=/usr/share/locale/*'
}

# Makes a release's base system, which has nothing but what every Debian has; it
# gets its name when it is complete.
need_base() {
    local release=$1 root=$cache/base-$1
    local scripts=/usr/share/debootstrap/scripts script

    [ ! -d "$root" ] || return 0
    need_debootstrap || return
    # A release that this debootstrap is too old for is like unstable
    script=$scripts/$release
    [ -e "$script" ] || script=$scripts/sid
    rm -rf "$root.new"
    mkdir -p "$root.new/etc/dpkg/dpkg.cfg.d"
    dpkg_settings > "$root.new/etc/dpkg/dpkg.cfg.d/90amplify_fdw-test"
    isolated debootstrap --variant=minbase --include=ca-certificates \
        "$release" "$root.new" "$(mirror)" "$script" || return
    apt_settings > "$root.new/etc/apt/apt.conf.d/90amplify_fdw-test"
    rm -rf "$root.new/var/cache/apt/archives"/*.deb
    mv "$root.new" "$root"
}

# Experimental is no release of its own: it has the newest of a few packages,
# and all that they need is in the release to come.
copy_base() {
    local base=$1

    [ "$1" != experimental ] || base=${releases[18]}
    need_base "$base" || return
    rm -rf "$2.new"
    cp -a "$cache/base-$base" "$2.new" || return
    [ "$1" != experimental ] ||
        printf 'deb %s experimental main\n' "$(mirror)" \
            > "$2.new/etc/apt/sources.list.d/experimental.list" || return
    mv "$2.new" "$2"
}
