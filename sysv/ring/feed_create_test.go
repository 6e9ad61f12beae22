//go:build linux && !android && !sysvipc_steps

package ring

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestOpenFeed(t *testing.T) {
	key := newKey(t)
	_, err := OpenFeed(kit.Patient(t), key, nil)
	kit.WantError(t, err, fs.ErrNotExist)
	f, err := CreateFeed(kit.Patient(t), key, nil)
	kit.Must(t, err)
	_, err = CreateFeed(kit.Patient(t), key, nil)
	kit.WantError(t, err, fs.ErrExist)
	for name, open := range map[string]func() (*Feed, error){
		"by key": func() (*Feed, error) { return OpenFeed(kit.Patient(t), key, nil) },
		"by id":  func() (*Feed, error) { return OpenFeedID(kit.Patient(t), f.ID(), nil) },
		"or create": func() (*Feed, error) {
			f, created, err := OpenOrCreateFeed(kit.Patient(t), key, nil)
			if created {
				t.Error("created again")
			}
			return f, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			again, err := open()
			kit.Must(t, err)
			s := subscribe(t, again)
			publish(t, f, name)
			next(t, s, name)
			kit.Must(t, s.Close())
			kit.Must(t, again.Close())
		})
	}
	_, _, err = OpenOrCreateFeed(kit.Patient(t), key, &Config{Size: 512})
	kit.WantError(t, err, sysv.ErrSize, "1048576 bytes, lossy false; 512, false are asked for")
	_, _, err = OpenOrCreateFeed(kit.Patient(t), key, &Config{Lossy: true})
	kit.WantError(t, err, sysv.ErrSize)
	_, err = OpenQueue(kit.Patient(t), key, nil)
	kit.WantError(t, err, syscall.EINVAL, `holds "sysvipc feed 1"`)
	kit.Must(t, f.Remove())
	kit.Must(t, f.Close())
}

func TestFeedConfigs(t *testing.T) {
	key := newKey(t)
	for _, tt := range []struct {
		says string
		cfg  Config
	}{
		{"512 to 4294967296 bytes, not 511", Config{Size: 511}},
		{"1 to 2047 processes, not -1", Config{Processes: -1}},
		{"are for a Queue", Config{Attempts: 1}},
		{"1 to 65536 cursors, not -1", Config{Cursors: -1}},
		{"1 to 65536 cursors, not 65537", Config{Cursors: 65537}},
		{"for a lossless feed", Config{Cursors: 1, Lossy: true}},
	} {
		_, err := CreateFeed(kit.Patient(t), key, &tt.cfg)
		kit.WantError(t, err, syscall.EINVAL, tt.says)
	}
}

var feedCalls = map[string]func(f *Feed) error{
	"Send":      func(f *Feed) error { return f.Send(bg, []byte("x")) },
	"TrySend":   func(f *Feed) error { _, err := f.TrySend([]byte("x")); return err },
	"SendBatch": func(f *Feed) error { _, err := f.SendBatch(bg, [][]byte{nil}); return err },
	"Reserve":   func(f *Feed) error { _, err := f.Reserve(bg, 1); return err },
	"Subscribe": func(f *Feed) error { _, err := f.Subscribe(bg); return err },
	"Stat":      func(f *Feed) error { _, err := f.Stat(); return err },
}

func TestFeedCallsAfterClose(t *testing.T) {
	ids, f := newTestFeed(t, 64, 4, false)
	again, err := joinFeedByIDs(ids)
	kit.Must(t, err)
	s := subscribe(t, again)
	kit.WantError(t, again.Close(), ErrInUse)
	w, err := again.Reserve(bg, 1)
	kit.Must(t, err)
	kit.Must(t, s.Close())
	kit.WantError(t, again.Close(), ErrInUse)
	copied := w
	kit.Must(t, w.Discard())
	kit.WantError(t, copied.Commit(), ErrNotHeld)
	kit.Must(t, again.Close())
	kit.Must(t, again.Close())
	for name, call := range feedCalls {
		if err := call(again); !errors.Is(err, os.ErrClosed) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	kit.WantError(t, again.Finish(), os.ErrClosed)
	_, err = s.Receive(bg)
	kit.WantError(t, err, os.ErrClosed)
	_, err = s.ReceiveBatch(bg, make([]FeedRecord, 1))
	kit.WantError(t, err, os.ErrClosed)
	kit.WantError(t, w.Commit(), ErrNotHeld)
	publish(t, f, "the others go on")
}

func TestRemovalOfAFeed(t *testing.T) {
	emulator.Mode.Skip(t) // where it has the bit of a removed segment
	for name, remove := range removals {
		for _, lossy := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				ids, f := newTestFeed(t, 64, 0, lossy)
				other := joinFeedHere(t, ids)
				s := subscribe(t, other)
				wait := kit.Async(t, func() error { _, err := s.Next(kit.Patient(t), nil); return err })
				kit.Eventually(t, "a consumer waits", func() bool { st, err := f.Stat(); return err == nil && st.ConsumersWait })
				remove(t, f)
				kit.WantError(t, wait(), sysv.ErrRemoved)
				calls := maps.Clone(feedCalls)
				if lossy {
					delete(calls, "Reserve") // which it never has
					kit.WantError(t, feedCalls["Reserve"](other), errors.ErrUnsupported)
				}
				wantFailures(t, calls, other, sysv.ErrRemoved)
			})
		}
	}
}

// A producer who waits for room hears of it, too.
func TestRemovalOfAFullFeed(t *testing.T) {
	_, f := newTestFeed(t, 64, 4, false)
	subscribe(t, f)
	for {
		ok, err := f.TrySend(make([]byte, 100))
		kit.Must(t, err)
		if !ok {
			break
		}
	}
	wait := kit.Async(t, func() error { return f.Send(kit.Patient(t), make([]byte, 100)) })
	kit.Eventually(t, "a producer waits", func() bool { st, err := InspectFeed(f.ID()); return err == nil && st.ProducersWait })
	kit.Must(t, f.Remove())
	kit.WantError(t, wait(), sysv.ErrRemoved)
}

func TestFeedStat(t *testing.T) {
	_, f := newTestFeed(t, 64, 4, false)
	check := func(want FeedStat) {
		t.Helper()
		want.Key, want.SegmentID, want.Processes, want.Size, want.Cursors = f.Key(), f.ID(), defaultProcesses, 512, 4
		ignore := cmpopts.IgnoreFields(FeedStat{}, "SetID", "Members")
		st, err := f.Stat()
		kit.Must(t, err)
		other, err := InspectFeed(f.ID())
		kit.Must(t, err)
		for _, st := range []FeedStat{st, other} {
			if diff := cmp.Diff(want, st, ignore); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		}
	}
	check(FeedStat{})
	publish(t, f, "1")
	sent := []int{0}
	check(FeedStat{Producers: sent})
	s := subscribe(t, f)
	publish(t, f, "2", "3") // two units each
	check(FeedStat{Producers: sent, Used: 32, Kept: []Kept{{Slot: 0, PID: os.Getpid(), Bytes: 32}}})
	next(t, s, "2")
	check(FeedStat{Producers: sent, Used: 32, Kept: []Kept{{Slot: 0, PID: os.Getpid(), Bytes: 32}}}) // it is not worth saying
	next(t, s, "3")
	check(FeedStat{Producers: sent, Kept: []Kept{{Slot: 0, PID: os.Getpid()}}})
	publish(t, f, "4")
	check(FeedStat{Producers: sent, Used: 16, Kept: []Kept{{Slot: 0, PID: os.Getpid(), Bytes: 16}}})
	kit.Must(t, s.Close())
	kit.Must(t, f.Finish())
	check(FeedStat{Finished: true})
}

// A member that died so long ago that another has its word leaves nothing to him.
func TestFeedWordsComeRound(t *testing.T) {
	ids, f := newTestFeed(t, 64, 4, false)
	first, err := joinFeedByIDs(ids)
	kit.Must(t, err)
	word := first.me + 1
	kit.Must(t, first.Close())
	s := subscribe(t, f)
	w, err := f.Reserve(bg, 4)
	kit.Must(t, err)
	f.record(w.at).state.store(word) // as if that one had it
	f.cursors[w.cursor].owner.store(word)
	again := joinFeedHere(t, ids)
	if again.me != word {
		t.Fatalf("member %#x, want %#x", again.me, word)
	}
	publish(t, again, "behind it")
	next(t, s, "behind it")
}

func TestHostileFeedGeometry(t *testing.T) {
	good := feedGeometry{cursors: 64, slots: 3, size: 64}
	n := int(good.bytes())
	if !good.fits(n) || good.fits(n-1) || good.fits(n+line) {
		t.Fatalf("%d bytes fit %v", n, good.fits(n))
	}
	for _, change := range []func(g *feedGeometry){
		func(g *feedGeometry) { g.cursors = 1<<32 - 1 },
		func(g *feedGeometry) { g.cursors++ },
		func(g *feedGeometry) { g.slots = 0 },
		func(g *feedGeometry) { g.slots = 1<<32 - 1 },
		func(g *feedGeometry) { g.size = 0 },
		func(g *feedGeometry) { g.size = 96 },
		func(g *feedGeometry) { g.size = 1 << 31 },
		func(g *feedGeometry) { g.lossy = 2 },
	} {
		bad := good
		if change(&bad); bad.fits(n) {
			t.Errorf("%+v is good for %d bytes", bad, n)
		}
	}
}
