#!/usr/bin/env bash
# package.sh [FOLDER] - makes the packages of what is committed, and tests them,
# as a TAP test.
#
# These are the zip that PGXN takes, and a Debian source package with what it
# builds for this Debian's version of PostgreSQL, for which debian/control is
# made from package/debian/control.in.  With FOLDER, they are left there.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

version=$(sed -n 's/^    "version": "\(.*\)",/\1/p' "$top/META.json")

archive() {
    # the clone may be another user's
    git -C "$top" -c safe.directory="$top" archive --prefix="$2-$version/" \
        --output="$packages/$1" HEAD
}

make_archives() {
    packages=$temp/packages
    mkdir "$packages"
    archive "amplify_fdw-$version.zip" amplify_fdw
    archive "amplify-fdw_$version.orig.tar.gz" amplify-fdw
}

make_source() {
    unpacked=$packages/amplify-fdw-$version
    tar -C "$packages" -xf "$packages/amplify-fdw_$version.orig.tar.gz"
    cp -r "$unpacked/test/package/debian" "$unpacked/"
    name_maintainer
    (cd "$unpacked" && quietly pg_buildext updatecontrol)
}

# Whoever hands packages on says so in Debian's own variables; debian/ itself has
# an address that reaches nobody.
name_maintainer() {
    [ -z "${DEBEMAIL:-}" ] ||
        DEBFULLNAME="${DEBFULLNAME:-amplify_fdw authors}" perl -pi -e \
            's/amplify_fdw authors <\S+>/$ENV{DEBFULLNAME} <$ENV{DEBEMAIL}>/' \
            "$unpacked/debian/control.in" "$unpacked/debian/changelog"
}

# What the source package itself says that its build needs
need_build_packages() {
    local missing

    missing=$(cd "$unpacked" && dpkg-checkbuilddeps 2>&1) || true
    read -ra missing <<< "$(sed -e 's/.*dependencies: //' -e 's/([^)]*)//g' \
        <<< "$missing")"
    [ ${#missing[@]} -eq 0 ] || install_packages "${missing[@]}"
}

# As at Debian, not by root; the build runs the regression tests.
build_package() {
    [ "$(id -u)" -ne 0 ] || chown -R postgres "$packages"
    quietly as_server env --chdir="$unpacked" dpkg-buildpackage -us -uc
}

# dpkg in a folder that has no other packages, by whoever it is, and with all
# files, also where this machine's are without documentation
dpkg_there() {
    quietly dpkg --root="$AMPLIFY_TEST_BUILD/inst" --log=/dev/null --no-triggers \
        --path-include='*' --force-depends --force-not-root --force-bad-path "$@"
}

# Makes the installed package what the rest of lib.sh takes for the build.
use_package() {
    export AMPLIFY_TEST_BUILD=$temp/build
    place_build
    mkdir -p "$AMPLIFY_TEST_BUILD/inst"
    dpkg_there --install "$packages/$package"_*.deb
    ln -s "$unpacked" "$tree"
    installation_settings > "$TEMP_CONFIG"
    quietly make -s -C "$tree/test/mock"
}

# ---------- the tests ----------

outside_of_folder() {
    unzip -Z1 "$packages/amplify_fdw-$version.zip" |
        grep -v "^amplify_fdw-$version/" || true
}

# Which the caller's git would add to what it takes for text
carriage_returns() {
    git -C "$top" -c safe.directory="$top" -c core.autocrlf=true archive HEAD \
        Makefile test/check.sh | tar -xO | grep -m 1 $'\r' || true
}

lintian_finds() {
    as_server lintian "$packages"/*.changes 2>&1 || true
}

expected_files() {
    local file

    cd "$unpacked"
    printf '%s\n' "lib/postgresql/$server/lib/amplify_fdw.so" \
        "share/lintian/overrides/$package"
    for file in amplify_fdw.control sql/amplify_fdw--*.sql; do
        printf '%s\n' "share/postgresql/$server/extension/${file##*/}"
    done
    for file in README.md doc/* changelog.gz changelog.Debian.gz copyright; do
        printf '%s\n' "share/doc/$package/$file"
    done
}

# But for the bitcode, which is as the compiler likes it
files_differ() {
    diff <(expected_files | sort) \
        <(cd "$AMPLIFY_TEST_BUILD/inst/usr" && find . -type f |
            sed -e 's,^\./,,' | grep -v /bitcode/ | sort) || true
}

# setup.psql echoes what follows; the response is the last line
answer_differs() {
    psql -X -A -t -q -f "$tree/test/setup.psql" -c "
        SELECT stack_name FROM backend_environments
        WHERE app_id = 'd1a2b3c4d5' AND environment_name = 'prod'" 2>&1 |
        tail -n 1 | diff <(echo amplify-storefront-prod-161629) - || true
}

# What apt would install on this machine, where all that it needs is there
apt_differs() {
    local said

    said=$(apt-get -q --simulate --reinstall --no-install-recommends \
        install "$packages/$package"_*.deb 2>&1) || printf '%s\n' "$said"
    grep '^Inst' <<< "$said" | cut -d ' ' -f 1,2 |
        diff <(echo "Inst $package") - || true
}

files_stay() {
    dpkg_there --purge "$package" 2>&1
    find "$AMPLIFY_TEST_BUILD/inst/usr" ! -type d 2> /dev/null || true
}

[ -e "$top/.git" ] ||
    die "$top is no clone of git, and packages are made of what is committed"
need_packages "${build_packages[@]}" server dpkg-dev postgresql-server-dev-all \
    lintian git unzip >&2
need_temp
make_archives
make_source
need_build_packages >&2
say "building the package" >&2
build_package
server=$(pg --version | sed 's/^PostgreSQL \([0-9]*\).*/\1/')
package=postgresql-$server-amplify-fdw
use_package
need_cluster
start_mock --data "$tree/test/mock/demo.json"
no_findings "the zip has one folder" outside_of_folder
no_findings "no line has got another end" carriage_returns
no_findings "lintian finds nothing in the Debian packages" lintian_finds
no_findings "the package has the right files" files_differ
no_findings "the packaged extension answers" answer_differs
no_findings "apt installs it, and nothing else" apt_differs
no_findings "no file stays when it is removed" files_stay
if [ $# -gt 0 ]; then
    rm -r "$unpacked"
    mkdir -p "$1"
    cp "$packages"/* "$1"
fi
done_testing
