//go:build linux && !android

package kit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Crowd is how many goroutines contend: n, but the race detector can't look after
// more than some.
func Crowd(n int) int {
	info, _ := debug.ReadBuildInfo()
	for _, setting := range info.Settings {
		if setting.Key == "-race" && setting.Value == "true" {
			return 5000
		}
	}
	return n
}

// Threads is how many this process has.
func Threads() (n int, err error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(status), "\nThreads:")
	_, err = fmt.Sscan(rest, &n)
	return n, err
}

// MaxThreads samples how many threads there are until all of wg are done.
func MaxThreads(t testing.TB, wg *sync.WaitGroup) int {
	t.Helper()
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	end := time.After(2 * Patience)
	for most := 0; ; time.Sleep(time.Millisecond) {
		most = max(most, Number(t)(Threads()))
		select {
		case <-done:
			return most
		case <-end:
			t.Fatal("they don't finish")
		default:
		}
	}
}

// OnThreadThatEnds calls f on a thread of its own and returns when that is gone.
func OnThreadThatEnds(f func() error) (err error) {
	tid := make(chan int)
	var run func()
	run = func() {
		runtime.LockOSThread() // without unlocking it, the thread ends with us
		if unix.Gettid() == os.Getpid() {
			// The main thread never ends: occupy it, and take another.
			defer runtime.UnlockOSThread()
			done := make(chan struct{})
			go func() { defer close(done); run() }()
			<-done
			return
		}
		err = f()
		tid <- unix.Gettid()
	}
	go run()
	path := fmt.Sprintf("/proc/self/task/%d", <-tid)
	for end := time.Now().Add(Patience); time.Now().Before(end); runtime.Gosched() {
		if _, gone := os.Stat(path); errors.Is(gone, fs.ErrNotExist) {
			return err
		}
	}
	return errors.New("the thread never ends")
}
