#!/bin/sh
# Fetches what build.py reads into a folder: Debian packages, which are unpacked and not installed, and the
# translations of package descriptions. Some 190 MB of downloads, 620 MB unpacked.
set -eu
dir=${1:?usage: fetch.sh DIR}
[ ! -e "$dir/complete" ] || exit 0
mkdir -p "$dir/packages" "$dir/root" "$dir/lists/partial" "$dir/cache"
cd "$dir/packages"
for package in dict-gcide wordnet-base perl-doc manpages manpages-dev libcurl4-doc libssl-doc \
	libreoffice-help-en-us libreoffice-help-de libreoffice-help-fr libreoffice-help-es libreoffice-help-ru \
	libreoffice-help-ja libreoffice-help-zh-cn; do
	apt-get download -qq "$package" 2>/dev/null
done
for file in *.deb; do dpkg-deb -x "$file" "$dir/root"; done
apt-get update -qq -o Dir::State::Lists="$dir/lists" -o Dir::Cache="$dir/cache" -o Acquire::Languages=en,de,fr,es,ru,ja,zh_CN
touch "$dir/complete"
