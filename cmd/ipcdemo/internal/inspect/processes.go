package inspect

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is one that may use objects of this IPC namespace.
type process struct {
	pid   int
	uid   uint32 // effective
	start time.Time
}

// processes are those of this IPC namespace, and those of which that can't be seen, but
// for this one. Those that have ended and wait for their parent are none: they have let go
// of everything.
func processes() (all []process, err error) {
	ours, err := os.Readlink("/proc/self/ns/ipc")
	if err != nil {
		return nil, err
	}
	boot := bootTime()
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	var unseen []process
	eldest := make(map[int]child) // of those that can be looked at, by their parents
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil || pid == os.Getpid() || !alive(pid) {
			continue
		}
		p := process{pid: pid, start: startOf(pid, boot)}
		var known bool
		if p.uid, known = effectiveUID(dir); !known {
			continue // ended meanwhile
		}
		theirs, err := os.Readlink(dir + "/ns/ipc")
		if err != nil {
			unseen = append(unseen, p)
			continue
		}
		if f := statFields(dir + "/stat"); len(f) > 1 {
			parent, _ := strconv.Atoi(f[1])
			if e, ok := eldest[parent]; !ok || p.start.Before(e.start) {
				eldest[parent] = child{p.start, theirs == ours}
			}
		}
		if theirs == ours {
			all = append(all, p)
		}
	}
	for _, p := range unseen {
		// Not even root can look at some, as the first process of a sandbox. A child begins
		// in the namespace of its parent: where the eldest is, that is taken to be.
		if e, ok := eldest[p.pid]; !ok || e.here {
			all = append(all, p)
		}
	}
	return all, nil
}

// child is when a process began, and whether it is in this namespace.
type child struct {
	start time.Time
	here  bool
}

// effectiveUID is the one of four that counts (proc(5), status).
func effectiveUID(dir string) (uint32, bool) {
	status, err := os.ReadFile(dir + "/status")
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(status)) {
		if f := strings.Fields(line); len(f) == 5 && f[0] == "Uid:" {
			uid, err := strconv.ParseUint(f[2], 10, 32)
			return uint32(uid), err == nil
		}
	}
	return 0, false
}

// alive tells whether a process, or a thread, is there and has not ended.
func alive(pid int) bool {
	p, err := os.FindProcess(pid)
	if err == nil {
		err = p.Signal(syscall.Signal(0))
		p.Release()
	}
	if errors.Is(err, os.ErrProcessDone) || errors.Is(err, syscall.ESRCH) {
		return false
	}
	if state(filepath.Join("/proc", strconv.Itoa(pid), "stat")) != 'Z' {
		return true
	}
	// The first thread may have ended before the others.
	threads, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/stat")
	for _, thread := range threads {
		if s := state(thread); s != 'Z' && s != 'X' && s != 0 {
			return true
		}
	}
	return false
}

// state is the third field of a file like /proc/PID/stat, or 0.
func state(file string) byte {
	f := statFields(file)
	if len(f) == 0 || len(f[0]) != 1 {
		return 0
	}
	return f[0][0]
}

// statFields are the fields behind the program's name, which may have blanks in it.
func statFields(file string) []string {
	stat, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	return strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
}

// startOf is when a process began, or zero where that can't be seen: its 22nd field, in
// hundredths of a second since boot (proc(5)).
func startOf(pid int, boot time.Time) time.Time {
	f := statFields("/proc/" + strconv.Itoa(pid) + "/stat")
	if len(f) < 20 || boot.IsZero() {
		return time.Time{}
	}
	ticks, err := strconv.ParseInt(f[19], 10, 64)
	if err != nil {
		return time.Time{}
	}
	return boot.Add(time.Duration(ticks) * 10 * time.Millisecond)
}

func bootTime() time.Time {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return time.Time{}
	}
	for line := range strings.Lines(string(stat)) {
		if f := strings.Fields(line); len(f) == 2 && f[0] == "btime" {
			if s, err := strconv.ParseInt(f[1], 10, 64); err == nil {
				return time.Unix(s, 0)
			}
		}
	}
	return time.Time{}
}
