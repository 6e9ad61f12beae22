//go:build linux && !android

package msg_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/sys"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/msg"
	"example.com/sysvipc/sysv/sysvtest"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { sysvtest.Main(m) }

// bg is the context of waits that nothing but the kernel ends.
var bg = context.Background()

func briefIf(t *testing.T, cond bool) context.Context {
	if cond {
		return kit.Brief(t)
	}
	return kit.Patient(t)
}

// newQueue returns a private queue that is gone after the test.
func newQueue(t testing.TB) *msg.Queue { return makeQueue(t, sysv.Private, nil) }

func makeQueue(t testing.TB, key sysv.Key, cfg *msg.Config) *msg.Queue {
	t.Helper()
	q, err := msg.Create(key, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := q.Remove(); err != nil && !errors.Is(err, sysv.ErrRemoved) {
			t.Error(err)
		}
	})
	return q
}

// newKey returns a free key, which is free again after the test.
func newKey(t *testing.T) sysv.Key {
	key := sysv.RandomKey()
	t.Cleanup(func() {
		for _, stat := range list(t) {
			if stat.Key == key {
				sys.MsgRemove(stat.ID)
			}
		}
	})
	return key
}

func openID(t *testing.T, id int) *msg.Queue {
	t.Helper()
	q, err := msg.OpenID(id)
	kit.Must(t, err)
	return q
}

func list(t *testing.T) []msg.Stat {
	t.Helper()
	stats, err := msg.List()
	kit.Must(t, err)
	return stats
}

func statOf(t *testing.T, q *msg.Queue) msg.Stat {
	t.Helper()
	stat, err := q.Stat()
	kit.Must(t, err)
	return stat
}

// send sends texts, of the types that they begin with: "3 hello" is "hello" of
// type 3.
func send(t *testing.T, q *msg.Queue, texts ...string) {
	t.Helper()
	for _, text := range texts {
		number, data, _ := strings.Cut(text, " ")
		typ, err := strconv.Atoi(number)
		kit.Must(t, err)
		ok, err := q.TrySend(typ, []byte(data))
		kit.Must(t, err)
		if !ok {
			t.Fatalf("no room for %q", text)
		}
	}
}

// text is what send would take for a message.
func text(m msg.Message) string {
	s := fmt.Sprintf("%d %s", m.Type, m.Data)
	if m.Truncated {
		s += "..."
	}
	return s
}

// drain takes what is left in the queue, without waiting.
func drain(t *testing.T, q *msg.Queue) (texts []string) {
	t.Helper()
	for {
		m, ok, err := q.TryNext(msg.Any)
		kit.Must(t, err)
		if !ok {
			return texts
		}
		texts = append(texts, text(m))
	}
}

// wantLeft checks what is in the queue, and takes it.
func wantLeft(t *testing.T, q *msg.Queue, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, drain(t, q)); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
}

// withoutResource skips the test in a process whom kernel.msgmnb does not bind.
func withoutResource(t *testing.T) {
	t.Helper()
	effective, err := kit.ThreadStatus("CapEff")
	kit.Must(t, err)
	if effective>>unix.CAP_SYS_RESOURCE&1 == 1 {
		t.Skip("skipping: with CAP_SYS_RESOURCE nothing is refused: run the test as an ordinary user too")
	}
}

// queueAndNumbers takes a helper's arguments: the id of the queue that it opens,
// and numbers.
func queueAndNumbers(args []string) (*msg.Queue, []int, error) {
	v, err := kit.Numbers(args)
	if err != nil {
		return nil, nil, err
	}
	q, err := msg.OpenID(v[0])
	return q, v[1:], err
}

// outcome names an error in a word, for comparison and for printing.
func outcome(err error) string {
	return kit.Outcome(err, sysv.ErrRemoved)
}

func filled(n int, with byte) []byte { return bytes.Repeat([]byte{with}, n) }

// awaitBlocked waits until so many threads of this process sleep in msgsnd or
// msgrcv.
func awaitBlocked(t *testing.T, want int) {
	t.Helper()
	kit.AwaitBlocked(t, os.Getpid(), want)
}
