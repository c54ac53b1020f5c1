# sdk.sh - the clients that nobody here wrote: sets "sdk", the folder that the
# JavaScript SDK is in; to be sourced after lib.sh.
#
# The SDK is installed into a folder of the user's cache, not into the tree.
# Its version is one that runs with Debian 12's Node.js and that names its own
# parts exactly: what it needs can't change while it is not looked at.

wanted=$top/test/clients/package.json

skip() {
    printf '1..0 # SKIP %s\n' "$1"
    exit 0
}

# Where this version of the SDK is, or is to be
sdk_folder() {
    printf '%s/amplify_fdw/sdk-%s\n' "${XDG_CACHE_HOME:-$HOME/.cache}" \
        "$(sed -n 's/.*client-amplify": "\(.*\)".*/\1/p' "$wanted")"
}

# A registry that can't be reached is no failure of ours; all else that npm
# complains of is, for it would silence these tests for good.
no_network='code (ENOTFOUND|EAI_AGAIN|ECONN[A-Z]+|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT)'

# Installed beside its place and then moved there, so that it is never seen
# half done, whoever else installs it now.
need_sdk() {
    local new log

    sdk=$(sdk_folder)
    [ ! -d "$sdk" ] || return 0
    mkdir -p "${sdk%/*}"
    new=$(mktemp -d "$sdk.XXXXXX")
    cp "$wanted" "$new/"
    # npm's own patience is minutes
    if ! log=$(cd "$new" && npm install --no-audit --no-fund --no-package-lock \
        --fetch-retries=2 --fetch-retry-maxtimeout=2000 \
        --fetch-retry-mintimeout=1000 2>&1); then
        rm -rf "$new"
        ! grep -Eq "$no_network" <<< "$log" ||
            skip 'the registry of the JavaScript SDK cannot be reached'
        die "$log"
    fi
    mv -T "$new" "$sdk" 2> /dev/null || rm -rf "$new"
}

# Before a server and a mock: the clients, and what they are to use
need_clients() {
    (need_packages awscli nodejs npm) >&2 ||
        skip 'awscli, nodejs and npm cannot be installed'
    need_packages server "${build_packages[@]}" >&2
    need_sdk
    export AWS_ACCESS_KEY_ID=AKIDEXAMPLE
    export AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY
    export AWS_DEFAULT_REGION=us-east-1 AWS_EC2_METADATA_DISABLED=true AWS_PAGER=
    export AWS_MAX_ATTEMPTS=1
    export NODE_NO_WARNINGS=1   # the SDK has one for each old Node.js
    printf '# %s\n' "$(aws --version)" "Node.js $(node --version)" "SDK ${sdk##*-}"
}

# The distribution's clients, and not what else is on somebody's path
PATH=/usr/bin:$PATH
