//go:build linux && !android

package interop_test

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/sysvtest"
)

// programs is where the peers are.
const programs = "../../../../testdata/peer/"

// A language is one whose programs Go shares objects with.
type language struct {
	name string
	// command is the peer's, or errMissing.
	command func() ([]string, error)
	install string // the packages that it needs
	// lock finds the set of a lock or makes it, as programs in the language
	// expect.
	lock func(ctx context.Context, key sysv.Key) (*sem.Set, error)
}

var languages = []language{
	{"C", compiled("share.c",
		[]string{"cc", "-fsyntax-only", "-include", "sys/sem.h", "-xc", "/dev/null"},
	), "gcc libc6-dev", plainLock},
	{"Perl", interpreted("share.pl",
		[]string{"perl", "-MIPC::SharedMem", "-MIPC::Semaphore", "-MIPC::Msg", "-e1"},
	), "perl", plainLock},
	// The first Python in the PATH need not be Debian's, which has the module.
	{"Python", interpreted("share.py",
		[]string{"python3", "-c", "import sysv_ipc"},
		[]string{"/usr/bin/python3", "-c", "import sysv_ipc"},
	), "python3-sysv-ipc", plainLock},
	php,
}

var errMissing = errors.New("not installed")

// find returns the first program whose probe succeeds: a run of it that looks
// for what the peer needs.
func find(probes [][]string) (program string, err error) {
	for _, probe := range probes {
		if err = exec.Command(probe[0], probe[1:]...).Run(); err == nil {
			return probe[0], nil
		}
	}
	return "", fmt.Errorf("%w: %s: %w", errMissing, probes[0][0], err)
}

func interpreted(script string, probes ...[]string) func() ([]string, error) {
	return sync.OnceValues(func() ([]string, error) {
		interpreter, err := find(probes)
		return []string{interpreter, programs + script}, err
	})
}

func compiled(source string, probes ...[]string) func() ([]string, error) {
	return sync.OnceValues(func() ([]string, error) {
		cc, err := find(probes)
		if err != nil {
			return nil, err
		}
		bin := filepath.Join(buildDir, source+".out")
		if out, err := exec.Command(cc, "-o", bin, programs+source).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("cc: %w\n%s", err, out)
		}
		return []string{bin}, nil
	})
}

// plainLock is a lock as most programs make it: one semaphore of 1.
func plainLock(ctx context.Context, key sysv.Key) (*sem.Set, error) {
	set, _, err := sem.OpenOrCreate(ctx, key, []int{1}, nil)
	return set, err
}

// each runs a test with each language.
func each(t *testing.T, test func(t *testing.T, l language)) {
	for _, l := range languages {
		t.Run(l.name, func(t *testing.T) { test(t, l) })
	}
}

// eachMaker runs a test twice with each language: once Go is to make what is
// shared, once the peer.
func eachMaker(t *testing.T, test func(t *testing.T, l language, byGo bool)) {
	each(t, func(t *testing.T, l language) {
		t.Run("made by Go", func(t *testing.T) { test(t, l, true) })
		t.Run("made by "+l.name, func(t *testing.T) { test(t, l, false) })
	})
}

// A peer is a program in another language that runs.
type peer struct {
	*sysvtest.Process
	t *testing.T
}

func (l language) start(t *testing.T) peer {
	t.Helper()
	command, err := l.command()
	if errors.Is(err, errMissing) {
		t.Skipf("skipping: %v: apt-get install %s", err, l.install)
	}
	kit.Must(t, err)
	return peer{sysvtest.StartCommand(t, exec.Command(command[0], command[1:]...)), t}
}

// do has the peer do something and returns the result. What its language has
// no means for skips the test.
func (p peer) do(verb string, args ...any) string {
	p.t.Helper()
	p.begin(verb, args...)
	return p.end()
}

// begin is the first half of do, for what takes the peer a while.
func (p peer) begin(verb string, args ...any) {
	p.t.Helper()
	line := verb
	for _, arg := range args {
		if key, ok := arg.(sysv.Key); ok {
			arg = int32(key)
		}
		line += fmt.Sprint(" ", arg)
	}
	p.Send(line)
}

// end is the second half of do.
func (p peer) end() string {
	p.t.Helper()
	line := p.Line()
	answer, rest, _ := strings.Cut(line, " ")
	switch answer {
	case "ok":
	case "unable":
		p.t.Skipf("skipping, and nothing would cure it: %s", rest)
	default:
		p.t.Fatalf("%s answered %q", p, line)
	}
	return rest
}
