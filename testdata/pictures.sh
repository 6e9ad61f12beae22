#!/usr/bin/env bash
# Draws the pictures of the README, docs/*.svg or those in another DIR, from what
# ipcdemo prints on this machine. Needs Go, script and unshare (bsdutils and
# util-linux), and perl.
set -euo pipefail
if [ -z "${IPCDEMO_PICTURES-}" ]; then
	# An IPC namespace of our own: nobody else's objects are to be in the pictures.
	export IPCDEMO_PICTURES=inside
	[ "$(id -u)" = 0 ] || exec unshare --user --map-current-user --ipc "$0" "$@"
	exec unshare --ipc "$0" "$@"
fi
mkdir -p "${1:-docs}"
to=$(cd "${1:-docs}" && pwd)
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$work"' EXIT
go build -o "$work/ipcdemo" ./cmd/ipcdemo
GOBIN=$work go install github.com/charmbracelet/freeze@v0.2.2
PATH=$work:$PATH

# picture NAME: draws a terminal that shows standard input.
picture() {
	freeze --language ansi --window --padding 16 --border.radius 8 --font.family monospace \
		--font.size 13 --line-height 1.25 --output "$to/$1.svg" >/dev/null
}

# shown COMMAND...: prints the command and what it prints.
shown() {
	echo "\$ $*"
	"$@"
}

shown ipcdemo --lock all | picture run

# The view of a run that waits to begin, and of a queue under way.
mkfifo "$work/enter"
ipcdemo --hold --children 3 --key 0x4d2 <"$work/enter" >/dev/null 2>"$work/hold" &
exec 3>"$work/enter"
ipcdemo queue --messages 100000000 --key 0x51e >/dev/null 2>&1 &
queue=$!
until grep -q 'press Enter' "$work/hold" && ipcdemo ls -q | grep -q '^0x0000051e .* [1-9][0-9]* *$'; do sleep 0.1; done
(sleep 2; echo q) | script -qec 'stty rows 24 cols 110; ipcdemo watch --interval 500ms' /dev/null >"$work/watch"
kill -INT $queue
echo >&3
wait || true
# The last frame, without the sequences that put it in its place.
perl -0777 -ne '@f = split /\e\[H/; $_ = $f[-1]; s/\e\[J.*|\e\[\?.*//s; s/\e\[K|\r//g; print' "$work/watch" | picture watch

# A ring under way.
ipcdemo queue --through ring --messages 100000000 --key 0x51f >/dev/null 2>&1 &
queue=$!
until ipcdemo ls -m -o KEY,WHAT | grep -q '^0x0000051f .* 9 members'; do sleep 0.1; done
shown ipcdemo ls -m -i "$(ipcdemo ls -m -o ID,KEY | sed -n 's/ *0x0000051f//p')" | cut -c1-110 | picture ls
kill -INT $queue
wait $queue || true

# What runs have left, beside a program that waits.
ipcdemo queue --through ring --keep --key 0x520 >/dev/null 2>&1
ipcdemo --keep --key 0x521 >/dev/null 2>&1
perl -e '$q = msgget(0x522, 01600) // die $!; msgrcv($q, $_, 10, 0, 0)' &
waits=$!
until ipcdemo ls -q | grep -q 0x00000522; do sleep 0.1; done
shown ipcdemo gc --older 0s | cut -c1-110 | picture gc
kill $waits
ipcdemo rm --all

ipcdemo bench --plot "$to/bench.svg" >/dev/null
