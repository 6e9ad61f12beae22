//go:build linux && !android

package main

import (
	"fmt"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/msg"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
	"example.com/sysvipc/sysv/sysvtest"
)

func TestMain(m *testing.M) { sysvtest.Main(m) }

// Each metric has its text, its type and a number, as Prometheus reads them.
var format = regexp.MustCompile(`^(# HELP (\S+) .*\n# TYPE (\S+) gauge\n(\S+) \d+\n)+$`)

func TestMetrics(t *testing.T) {
	set, err := sem.Create(sysv.Private, []int{1, 2, 3}, nil)
	check(t, err)
	defer set.Remove()
	seg, err := shm.Create(sysv.Private, 5*os.Getpagesize(), nil)
	check(t, err)
	defer seg.Remove()
	queue, err := msg.Create(sysv.Private, nil)
	check(t, err)
	defer queue.Remove()
	check(t, queue.Send(t.Context(), 1, []byte("hello")))
	limits, err := shm.Limits()
	check(t, err)

	r := httptest.NewRecorder()
	metrics(r, nil)
	text := r.Body.String()
	if !format.MatchString(text) {
		t.Errorf("not what Prometheus reads:\n%s", text)
	}
	for _, want := range []string{
		"segments 1", "segment_pages 5", fmt.Sprint("segments_max ", limits.ShmMNI),
		"semaphore_sets 1", "semaphores 3", "queues 1", "messages 1", "message_bytes 5",
	} {
		if !strings.Contains(text, "\nsysvipc_"+want+"\n") {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
