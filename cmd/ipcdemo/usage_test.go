//go:build linux && !android

package main

import (
	"strings"
	"testing"
)

// TestUsage: what can't be meant is refused before anything is done, in a line that
// says why.
func TestUsage(t *testing.T) {
	for _, tt := range []struct{ args, says string }{
		{"--children 1001", "must be 1 to 1000"},
		{"--children x", `--children: "x" is no whole number`},
		{"--children 99999999999999999999", "--children: 99999999999999999999 does not fit: it must be -9223372036854775808 to 9223372036854775807"},
		{"--iterations 1.5", `--iterations: "1.5" is no whole number`},
		{"--iterations=-1", `--iterations: "-1" is no whole number`},
		{"--children", "--children: missing number"},
		{"bench --window", "--window: missing time"},
		{"completion", "expected"},
		{"completion tcsh", "bash"},
		{"--children=-1", "must be 1 to 1000"},
		{"--iterations 0", "at least 1"},
		{"--iterations 4294967295", "do not fit"},
		{"--iterations 4294967296", "--iterations: 4294967296 does not fit: it must be 0 to 4294967295"},
		{"--key 0", "names no object"},
		{"--key 4294967296", "does not fit into 32 bits"},
		{"--key zzz", "is no number"},
		{"--key", "missing key"},
		{"--key --hold", `"--hold" is no number`},
		{"--kill 5", "number of children, which is 4"},
		{"--kill=-1", "number of children, which is 4"},
		{"--lock fcntl", `--lock: lock "fcntl" is none of semop, fast, all and none`},
		{"--lock none --kill 1", "needs a lock"},
		{"--lock all --keep", "not --lock all"},
		{"--lock none --children 1", "at least 2 children"},
		{"run extra", "unexpected argument extra"},
		{"frobnicate", "unexpected argument frobnicate"},
		{"join", "missing flags: --key"},
		{"join --key 1 --iterations 0", "at least 1"},
		{"rm", "nothing to remove"},
		{"rm -m x", "--shmem-id"},
		{"rm -M 0", "names no object"},
		{"rm -Q 0", "names no object"},
		{"rm -q x", "--queue-id"},
		{"rm --all=pipe", `--all: "pipe" is none of shm, msg and sem`},
		{"gc --older=-1s", "must be 0s or more"},
		{"gc --yes", "goes with --remove"},
		{"gc --json --remove", "lists only"},
		{"make", "nothing to make"},
		{"make -M x", `"x" is no size`},
		{"make -M 1X", `"1X" is no size`},
		{"make -M 1KK", `which is no unit`},
		{"make -S x", "--semaphore"},
		{"make --semaphore=-1", "at least 1"},
		{"make -Q -p 1777", `"1777" is no mode`},
		{"make -Q -p rw", `"rw" is no mode`},
		{"ls -i 1", "--id needs one of -q, -m and -s"},
		{"ls -q -m -i 1", "--id needs one of -q, -m and -s"},
		{"ls -m -i x", "--id"},
		{"ls -m -i 1 -t", "tells all that is known already"},
		{"ls -t -p", "can't be used together"},
		{"ls -o FOO", `no column is called "FOO"; there are KEY, ID`},
		{"ls -m -o MSGS", `no column is called "MSGS"`},
		{"ls --sort FOO", `--sort: no column is called "FOO"`},
		{"ls --human --bytes", "can't be used together"},
		{"ls --user no-such-user", `no user is called "no-such-user"`},
		{"queue --producers 0", "at least 1, and together at most 1000"},
		{"queue --consumers 997", "together at most 1000"},
		{"queue --producers 9223372036854775807 --consumers 9223372036854775807", "together at most 1000"},
		{"queue --messages 0", "must be 1 to 100000000"},
		{"queue --size 7", "must be at least 8"},
		{"queue --size 1000000000", "must be at most "},
		{"queue --key 0", "names no object"},
		{"queue --through pipe", `--through: "pipe" is none of messages and ring`},
		{"queue --through ring --size 262137", "at most 262136 in a ring of 1 MiB"},
		{"queue --kill 7", "must be 0 to 6, which leaves a producer and a consumer"},
		{"queue --kill=-1", "must be 0 to 6"},
		{"queue --kill 1 --producers 1 --consumers 1", "must be 0 to 0"},
		{"queue --kill 1 --messages 31", "at least 32 --messages"},
		{"watch --interval 1ms", "must be 50ms to 1h"},
		{"watch --interval x", "--interval"},
		{"watch --sort FOO", `no column is called "FOO"`},
		{"watch --user no-such-user", "no user is called"},
		{"bench --window 0s", "must be 1ms to 1m"},
		{"bench --window x", `--window: "x" is no time, as 300ms`},
		{"bench --plot chart.png", "ends in .svg"},
	} {
		_, err := parse(strings.Fields(tt.args))
		if err == nil {
			t.Errorf("ipcdemo %s is not refused", tt.args)
		} else if said := err.Error(); !strings.Contains(said, tt.says) || strings.Contains(said, "\n") {
			t.Errorf("ipcdemo %s: %q, want one line with %q in it", tt.args, said, tt.says)
		}
	}
}
