// Package compare is for benchmarks that measure against another program, in
// the same run and on the same machine: only the ratio means something elsewhere.
package compare

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A Measure returns one figure, each time that it is called.
type Measure func() float64

// Report measures ours and theirs in turns, round by round, so that a machine
// that is busy for a while slows down both. It reports the medians in unit, and
// the ratio of ours to theirs. With -short there are few rounds.
func Report(b *testing.B, unit string, ours Measure, peer string, theirs Measure) {
	b.Helper()
	var us, them []float64
	round := func() {
		us = append(us, ours())
		them = append(them, theirs())
	}
	for b.Loop() {
		round()
	}
	rounds := 9 // a median of fewer says little
	if testing.Short() {
		rounds = 3
	}
	for len(us) < rounds {
		round()
	}
	b.ReportMetric(0, "ns/op") // of a round, which says nothing
	b.ReportMetric(median(us), unit)
	b.ReportMetric(median(them), peer+"-"+unit)
	b.ReportMetric(median(us)/median(them), peer+"-ratio")
}

// C compiles a program of testdata/peer and returns what its commands measure:
// each prints one number.
func C(b testing.TB, source string) func(args ...string) Measure {
	b.Helper()
	return commands(b, source, Program(b, source))
}

// CXX is C for a program in C++ that includes a header, which a package of Debian's has.
func CXX(b testing.TB, source, header, debian string) func(args ...string) Measure {
	b.Helper()
	cure := "apt-get install g++ " + debian
	cxx, err := exec.LookPath("c++")
	if err != nil {
		b.Skip("skipping, no C++ compiler to make the peer: " + cure)
	}
	if exec.Command(cxx, "-fsyntax-only", "-x", "c++", "-include", header, os.DevNull).Run() != nil {
		b.Skipf("skipping, no <%s>: %s", header, cure)
	}
	return commands(b, source, compile(b, cxx, source))
}

// commands returns what a program's commands measure.
func commands(b testing.TB, source, program string) func(args ...string) Measure {
	return func(args ...string) Measure {
		return func() float64 {
			out, err := exec.Command(program, args...).Output()
			if err != nil {
				b.Fatalf("%s %v: %v", source, args, err)
			}
			return Number(b, strings.TrimSpace(string(out)))
		}
	}
}

// Program compiles a program of testdata/peer, and returns where it is until the test
// ends.
func Program(b testing.TB, source string) (path string) {
	b.Helper()
	cc, err := exec.LookPath("cc")
	if err != nil {
		b.Skip("skipping, no C compiler to make the peer: apt-get install gcc libc6-dev")
	}
	return compile(b, cc, source)
}

func compile(b testing.TB, compiler, source string) (path string) {
	b.Helper()
	source = filepath.Join(root(b), "testdata/peer", source)
	program := filepath.Join(b.TempDir(), "peer")
	if out, err := exec.Command(compiler, "-O2", "-pthread", "-o", program, source).CombinedOutput(); err != nil {
		b.Fatalf("%s: %v\n%s", compiler, err, out)
	}
	return program
}

// root is the repository's directory, above that of any package, where go test runs
// its tests. What runtime.Caller says is no path where -trimpath is set.
func root(b testing.TB) string {
	b.Helper()
	dir, err := os.Getwd()
	if err != nil {
		b.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			b.Fatal("no go.mod is above where the test runs")
		}
		dir = filepath.Dir(dir)
	}
}

// PingPong measures, on one CPU and on two, what one of n turns takes that two
// processes take: with takeTurns, and with the pingpong of C's source.
func PingPong(b *testing.B, source string, takeTurns func(b testing.TB, cpus int, n string) float64) {
	for _, cpus := range []int{1, 2} {
		b.Run(fmt.Sprintf("cpus=%d", cpus), func(b *testing.B) {
			if runtime.NumCPU() < cpus {
				b.Skipf("skipping, one CPU: run on a machine with %d", cpus)
			}
			n := strconv.Itoa(20_000 / (cpus * cpus * cpus))
			ours := func() float64 { return takeTurns(b, cpus, n) }
			Report(b, "ns/turn", ours, "C", C(b, source)("pingpong", strconv.Itoa(cpus), n))
		})
	}
}

// Nanoseconds measures what one call of f takes, of n.
func Nanoseconds(n int, f func()) Measure {
	return func() float64 {
		begin := time.Now()
		for range n {
			f()
		}
		return float64(time.Since(begin).Nanoseconds()) / float64(n)
	}
}

// Number is what a program printed.
func Number(b testing.TB, s string) float64 {
	b.Helper()
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		b.Fatal(err)
	}
	return f
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}
