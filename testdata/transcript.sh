#!/bin/sh
# Prints the transcript that README.md shows, from a real run in an IPC
# namespace of its own. From the repository's top: sudo sh testdata/transcript.sh
set -eu
if [ "${1-}" != inside ]; then
	go build -o "${TMPDIR:-/tmp}/ipcdemo.$$" ./cmd/ipcdemo
	unshare --ipc sh "$0" inside "${TMPDIR:-/tmp}/ipcdemo.$$"
	rm "${TMPDIR:-/tmp}/ipcdemo.$$"
	exit
fi
ipcdemo() { "$demo" "$@"; }
demo=$2
show() {
	echo "\$ $*"
	eval "$*" 2>&1
}
show ipcdemo --key 0x4d2 --keep
show ipcs -m -s
show ipcs -m -i 0
show ipcrm -M 0x4d2 -S 0x4d2
show ipcs -m -s
