#!/bin/sh
# Installs each artefact of an architecture into a root that holds nothing else, and asks the
# project's own articles there, without a network: test.sh DIST VERSION ARCH.
# The binary of another architecture runs in an emulator, which is no part of the root.
set -eu
dist=$(cd "$1" && pwd) version=$2 arch=$3
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "release-test: $*" >&2; exit 1; }

# sheaf runs the installed binary in its root, or in the emulator from there.
sheaf() {
	if [ "$arch" = "$(go env GOHOSTARCH)" ]; then
		unshare -r -n chroot "$root" "$binary" "$@"
	else
		case $arch in arm64) emulator=qemu-aarch64 ;; amd64) emulator=qemu-x86_64 ;; esac
		(cd "$root/" && unshare -r -n "$emulator" "./$binary" "$@")
	fi
}

# try NAME: what is installed in $root knows its version, stores the articles and answers from them.
try() {
	mkdir -p "$root/data" && cp examples/articles/*.md "$root/data"
	sheaf version | grep -qx "sheaf $version" || fail "$1: not version $version"
	sheaf version | grep -q "^commit  *[0-9a-f]\{40\}" || fail "$1: it knows no commit"
	[ "$arch" != arm64 ] || sheaf version | grep -q '^kernel  *neon' || fail "$1: no kernel for NEON"
	sheaf ingest --quiet --store data/.sheaf data
	sheaf search --store data/.sheaf -k 1 "how do insects find a partner in the dark" >"$work/answer"
	grep -q 'fireflies\.md' "$work/answer" || fail "$1: a wrong answer: $(cat "$work/answer")"
	sheaf search --store data/.sheaf -k 20 --mode vector why does old paper turn yellow >"$work/fast"
	FAISS_OPT_LEVEL=generic FAISS_NO_AVX2=1 sheaf search --store data/.sheaf -k 20 --mode vector why does old paper turn yellow >"$work/generic"
	cut -f 3 "$work/fast" >"$work/fast.ids"
	cut -f 3 "$work/generic" | cmp -s - "$work/fast.ids" || fail "$1: the kernels of this processor rank otherwise than the generic ones"
	echo "$1: installs, and answers"
}

# alike: of either built-in model the vectors are those that this machine's own release makes, byte by byte.
alike() {
	own=$dist/sheaf-$version-linux-$(go env GOHOSTARCH).tar.gz
	[ -e "$own" ] || { echo "no vectors are compared: $own is missing"; return; }
	mkdir "$work/own" "$root/own" "$root/other"
	tar -xzf "$own" -C "$work/own" --strip-components 1
	for model in builtin builtin:multilingual; do
		sheaf ingest --quiet --embedder $model --store other/$model data
		sheaf export --quiet --store other/$model --format npy other/$model.npy
		(cd "$root" && "$work/own/bin/sheaf" ingest --quiet --embedder $model --store own/$model data &&
			"$work/own/bin/sheaf" export --quiet --store own/$model --format npy own/$model.npy)
		cmp "$root/own/$model.npy" "$root/other/$model.npy" || fail "$model has other vectors on $arch"
	done
	echo "the built-in models have the same vectors"
}

root=$work/tar binary=usr/bin/sheaf
mkdir -p "$root/usr"
tar -xzf "$dist/sheaf-$version-linux-$arch.tar.gz" -C "$root/usr" --strip-components 1
try "tarball for $arch"
[ "$arch" = "$(go env GOHOSTARCH)" ] || alike

root=$work/deb
mkdir -p "$root/var/lib/dpkg/updates" "$root/var/lib/dpkg/info"
touch "$root/var/lib/dpkg/status"
dpkg --root "$root" --log /dev/null --force-architecture --force-script-chrootless --install "$dist/sheaf_${version}_$arch.deb" >/dev/null 2>"$work/dpkg" ||
	fail "dpkg: $(cat "$work/dpkg")"
[ "$(find "$root/usr/share/man" -name 'sheaf*' | wc -l)" -gt 10 ] || fail "the package has no manual"
dpkg-deb --extract "$dist/sheaf_${version}_$arch.deb" "$work/unpacked" # dpkg may be told to leave documentation out
for name in README.md CHANGELOG.md CONTRIBUTING.md LICENSE NOTICE docs examples; do # whose links a test follows in the tarball
	diff -r "$work/tar/usr/$name" "$work/unpacked/usr/share/doc/sheaf/$name" || fail "the package has another $name than the tarball"
done
try "package for $arch"

root=$work/oci
mkdir -p "$root"
layer=$(python3 - "$dist/sheaf-$version-linux-$arch.oci" <<'PYTHON'
import json, sys
layout = sys.argv[1]
blob = lambda d: f"{layout}/blobs/{d['digest'].replace(':', '/')}"
manifest = json.load(open(blob(json.load(open(layout + "/index.json"))["manifests"][0])))
assert json.load(open(blob(manifest["config"])))["config"]["Entrypoint"] == ["/usr/bin/sheaf"]
print(blob(manifest["layers"][0]))
PYTHON
)
echo "$(basename "$layer")  $layer" | sha256sum --quiet -c
tar -xzf "$layer" -C "$root"
try "image for $arch"

root=$work/wheel
wheel=$(echo "$dist/sheaf_cli-$version-py3-none-"*"$(case $arch in amd64) echo x86_64 ;; arm64) echo aarch64 ;; esac).whl")
if [ "$arch" = "$(go env GOHOSTARCH)" ]; then
	python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --no-index --no-deps --prefix "$root" "$wheel"
else
	python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --no-index --no-deps --only-binary :all: --platform "manylinux2014_aarch64" --target "$root" "$wheel"
fi
binary=$(cd "$root" && find . -name sheaf -type f | sed 's,^\./,,')
try "wheel for $arch"

(cd "$dist" && sha256sum --quiet -c SHA256SUMS)

# The commands of docs/install.md, as they stand, for a user with an empty home.
if [ "$arch" = amd64 ] && [ "$(go env GOHOSTARCH)" = amd64 ]; then
	cp -r "$dist" "$work/downloads" && mkdir "$work/home"
	awk '/^```sh$/ { on = 1; next } /^```$/ { on = 0 } on' docs/install.md >"$work/commands"
	(cd "$work/downloads" && HOME=$work/home PATH=$work/downloads/env/bin:$PATH sh -eu "$work/commands" >"$work/said" 2>&1) ||
		fail "docs/install.md: $(cat "$work/said")"
	[ "$(grep -c "^sheaf $version\$" "$work/said")" = 2 ] || fail "docs/install.md installs no sheaf $version: $(cat "$work/said")"
	[ "$(find "$work/home/.local" -type f)" = "$work/home/.local/share/bash-completion/completions/sheaf" ] ||
		fail "docs/install.md leaves $(find "$work/home/.local" -type f)"
	echo "docs/install.md: its commands install it"
fi
