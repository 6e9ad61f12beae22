//go:build linux && !android && !sysvipc_steps

package ring

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/lock"
)

// Programs whose rings have another layout refuse each other's, say which there is and
// which they are for, and leave it as it is.
func TestAnotherVersionIsRefused(t *testing.T) {
	for _, kind := range []struct {
		format string
		by     map[string]func(key sysv.Key, id int) error
	}{
		{queueFormat, map[string]func(sysv.Key, int) error{
			"open":         func(key sysv.Key, _ int) error { _, err := OpenQueue(kit.Patient(t), key, nil); return err },
			"openID":       func(_ sysv.Key, id int) error { _, err := OpenQueueID(kit.Patient(t), id, nil); return err },
			"openOrCreate": func(key sysv.Key, _ int) error { _, _, err := OpenOrCreateQueue(kit.Patient(t), key, nil); return err },
		}},
		{feedFormat, map[string]func(sysv.Key, int) error{
			"open":         func(key sysv.Key, _ int) error { _, err := OpenFeed(kit.Patient(t), key, nil); return err },
			"openID":       func(_ sysv.Key, id int) error { _, err := OpenFeedID(kit.Patient(t), id, nil); return err },
			"openOrCreate": func(key sysv.Key, _ int) error { _, _, err := OpenOrCreateFeed(kit.Patient(t), key, nil); return err },
		}},
		{latestFormat, map[string]func(sysv.Key, int) error{
			"open":   func(key sysv.Key, _ int) error { _, err := OpenLatest(kit.Patient(t), key, nil); return err },
			"openID": func(_ sysv.Key, id int) error { _, err := OpenLatestID(kit.Patient(t), id, nil); return err },
			"openOrCreate": func(key sysv.Key, _ int) error {
				_, _, err := OpenOrCreateLatest(kit.Patient(t), key, 8, nil)
				return err
			},
		}},
	} {
		another := strings.TrimSuffix(kind.format, "1") + "2"
		for name, open := range kind.by {
			t.Run(kind.format+"/"+name, func(t *testing.T) {
				key := newKey(t)
				g, err := lock.Create(kit.Patient(t), key, 1, &lock.Config{Memory: 8, Format: another,
					Init: func(b []byte) error { copy(b, "contents"); return nil }})
				kit.Must(t, err)
				defer g.Close()
				defer g.Remove()
				kit.WantError(t, open(key, g.ID()), syscall.EINVAL,
					fmt.Sprintf("its memory holds %q, not %q", another, kind.format))
				kit.Must(t, g.Check())
				if got := string(g.Memory()[:8]); got != "contents" {
					t.Errorf("its memory begins with %q", got)
				}
			})
		}
	}
}
