//go:build linux && !android

package conformance

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/msg"
)

// newQueue returns a private queue that is gone after the test.
func newQueue(t *testing.T) *msg.Queue {
	t.Helper()
	return newQueueOf(t, sysv.Private, 0o600)
}

// newKeyedQueue returns a queue that has a key.
func newKeyedQueue(t *testing.T) *msg.Queue {
	t.Helper()
	return newQueueOf(t, sysv.RandomKey(), 0o600)
}

func newQueueOf(t *testing.T, key sysv.Key, mode fs.FileMode) *msg.Queue {
	t.Helper()
	q, err := msg.Create(key, &msg.Config{Mode: mode})
	kit.Must(t, err)
	removeQueueAfter(t, q)
	return q
}

// fullQueue returns a queue with one message in it, "1 x", and no room for
// another.
func fullQueue(t *testing.T) *msg.Queue {
	t.Helper()
	q := newQueue(t)
	kit.Must(t, q.SetMaxBytes(1))
	putInQueue(t, q, "1 x")
	return q
}

func removeQueueAfter(t *testing.T, q *msg.Queue) {
	t.Cleanup(func() {
		if err := q.Remove(); err != nil && !errors.Is(err, sysv.ErrRemoved) {
			t.Error(err)
		}
	})
}

// newQueueKey returns a free key, which is free again after the test.
func newQueueKey(t *testing.T) sysv.Key {
	key := sysv.RandomKey()
	t.Cleanup(func() {
		q, err := msg.Open(key, nil)
		if err == nil {
			err = q.Remove()
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
	})
	return key
}

// putInQueue sends messages in words: "3 hello" is "hello" of type 3.
func putInQueue(t *testing.T, q *msg.Queue, words ...string) {
	t.Helper()
	for _, w := range words {
		number, data, _ := strings.Cut(w, " ")
		typ, err := strconv.Atoi(number)
		kit.Must(t, err)
		sent, err := q.TrySend(typ, []byte(data))
		kit.Must(t, err)
		if !sent {
			t.Fatalf("no room for %.100q", w)
		}
	}
}

// inWords is what putInQueue takes for a message.
func inWords(m msg.Message) string { return fmt.Sprintf("%d %s", m.Type, m.Data) }

// long is a message of so many bytes, in words.
func long(typ, n int) string { return fmt.Sprintf("%d %s", typ, strings.Repeat("x", n)) }

// wantTaken takes a message without waiting, which must be this one, or none if
// it is "".
func wantTaken(t *testing.T, q *msg.Queue, sel msg.Selector, want string) {
	t.Helper()
	m, ok, err := q.TryNext(sel)
	kit.Must(t, err)
	got := ""
	if ok {
		got = inWords(m)
	}
	if got != want {
		t.Errorf("%v: got %.100q, want %.100q", sel, got, want)
	}
}

// wantLeft takes what is in the queue, which must be these messages.
func wantLeft(t *testing.T, q *msg.Queue, want ...string) {
	t.Helper()
	var got []string
	for {
		m, ok, err := q.TryNext(msg.Any)
		kit.Must(t, err)
		if !ok {
			break
		}
		got = append(got, inWords(m))
	}
	wantSame(t, "what is in the queue", got, want)
}

// wantSent sends a message without waiting, which must be possible or not.
func wantSent(t *testing.T, q *msg.Queue, want bool, data []byte) {
	t.Helper()
	sent, err := q.TrySend(1, data)
	kit.Must(t, err)
	if sent != want {
		t.Errorf("sent %d bytes: %v, want %v", len(data), sent, want)
	}
}

// receiveInto receives with a buffer of so many bytes.
func receiveInto(ctx context.Context, q *msg.Queue, sel msg.Selector, n int) (string, error) {
	m, err := q.Receive(ctx, sel, make([]byte, n))
	if err != nil {
		return "", err
	}
	return inWords(m), nil
}

func queueStat(t *testing.T, q *msg.Queue) msg.Stat {
	t.Helper()
	stat, err := q.Stat()
	kit.Must(t, err)
	return stat
}

func listQueues(t *testing.T) []msg.Stat {
	t.Helper()
	stats, err := msg.List()
	kit.Must(t, err)
	return stats
}

// inQueueList returns the entry of a queue.
func inQueueList(t *testing.T, list []msg.Stat, q *msg.Queue) msg.Stat {
	t.Helper()
	i := slices.IndexFunc(list, func(stat msg.Stat) bool { return stat.ID == q.ID() })
	if i < 0 {
		t.Fatalf("queue %d is not in the list", q.ID())
	}
	return list[i]
}

func msgLimits(t *testing.T) msg.SystemLimits {
	t.Helper()
	l, err := msg.Limits()
	kit.Must(t, err)
	return l
}

func msgUsage(t *testing.T) msg.SystemUsage {
	t.Helper()
	u, err := msg.Usage()
	kit.Must(t, err)
	return u
}

// msgUsageOf counts what Usage does.
func msgUsageOf(stats []msg.Stat) msg.SystemUsage {
	u := msg.SystemUsage{Queues: len(stats)}
	for _, stat := range stats {
		u.Messages += stat.Messages
		u.Bytes += stat.Bytes
	}
	return u
}

// skipWithoutPeek skips the test where Peek says that the kernel lacks it.
func skipWithoutPeek(t *testing.T, err error) {
	t.Helper()
	if errors.Is(err, syscall.ENOSYS) {
		t.Skipf("skipping: %v: run on a kernel with CONFIG_CHECKPOINT_RESTORE", err)
	}
}

// needPeek is must for Peek.
func needPeek(t *testing.T, err error) {
	t.Helper()
	skipWithoutPeek(t, err)
	kit.Must(t, err)
}
