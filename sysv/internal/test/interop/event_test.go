//go:build linux && !android

package interop_test

import (
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"example.com/sysvipc/sysv/event"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/shm"
)

// c is the language that package event can be shared with.
var c = languages[0]

func TestEventThatCAdvances(t *testing.T) {
	p, key := c.start(t), newKey(t)
	seg, err := shm.Create(key, 4096, nil)
	kit.Must(t, err)
	m := attach(t, seg)
	count, err := shm.View[event.Count](m, 64)
	kit.Must(t, err)
	word, err := shm.View[atomic.Uint32](m, 64)
	kit.Must(t, err)
	for range 20 {
		seen := count.Read()
		wait := kit.Async(t, func() error {
			return count.Until(kit.Patient(t), func() bool { return count.Read() != seen })
		})
		kit.Eventually(t, "Go waits", func() bool { return word.Load()&3 != 0 })
		p.do("event-advance", key, 64)
		kit.Must(t, wait())
	}
	count.Advance()
	if v := word.Load(); v&3 != 0 {
		t.Errorf("marks %b are left though nobody waits", v&3)
	}
}

// Each waits for the other in turn, and nobody is woken by his clock alone.
func TestEventsThereAndBack(t *testing.T) {
	const n = 500
	p, key := c.start(t), newKey(t)
	seg, err := shm.Create(key, 4096, nil)
	kit.Must(t, err)
	m := attach(t, seg)
	there, err := shm.View[event.Count](m, 0)
	kit.Must(t, err)
	back, err := shm.View[event.Count](m, 128)
	kit.Must(t, err)
	p.begin("event-echo", key, 0, 128, n)
	begin := time.Now()
	for i := range n {
		if i%10 == 0 {
			time.Sleep(time.Millisecond) // for C to fall asleep
		}
		seen := back.Read()
		there.Advance()
		kit.Must(t, back.Until(kit.Patient(t), func() bool { return back.Read() != seen }))
	}
	p.end()
	if turn := time.Since(begin) / n; turn > 30*time.Millisecond {
		t.Errorf("a turn takes %v, as where nobody is woken", turn)
	}
}

// What the documentation of package event shows is what these tests run.
func TestEventIsDocumented(t *testing.T) {
	program, err := os.ReadFile(programs + "event.h")
	kit.Must(t, err)
	documentation, err := os.ReadFile("../../../event/doc.go")
	kit.Must(t, err)
	_, code, _ := strings.Cut(string(program), "\n")
	shown := strings.ReplaceAll(strings.ReplaceAll("\n"+strings.TrimSpace(code), "\n", "\n//\t"), "//\t\n", "//\n")
	if !strings.Contains(string(documentation), shown+"\n") {
		t.Errorf("event.h has\n%s\nwhich is not in the documentation", shown)
	}
}
