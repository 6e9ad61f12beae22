package inspect

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// queueWaits are who waits in a queue, by its id, and who does in one that can't be told or
// may: those who can't be looked at. The kernel counts no waiters of queues; what a thread
// waits in is in /proc/PID/task/TID/syscall (proc(5)), the call's number and its arguments,
// of which the first is the queue's id.
func queueWaits(all []process) (by map[int][]int, unseen []int) {
	by = make(map[int][]int)
	for _, p := range all {
		threads, _ := filepath.Glob("/proc/" + strconv.Itoa(p.pid) + "/task/*/syscall")
		for _, thread := range threads {
			text, err := os.ReadFile(thread)
			var wchan []byte
			if err == nil {
				wchan, err = os.ReadFile(filepath.Dir(thread) + "/wchan")
			}
			f := strings.Fields(string(text))
			switch {
			case errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH): // it has ended meanwhile
			case err != nil:
				unseen = append(unseen, p.pid)
			case strings.HasPrefix(string(wchan), "do_msg") && len(f) > 1:
				if id, err := strconv.ParseUint(strings.TrimPrefix(f[1], "0x"), 16, 64); err == nil {
					by[int(int32(id))] = append(by[int(int32(id))], p.pid)
					by[callOf32(f)] = append(by[callOf32(f)], p.pid)
				}
			}
		}
	}
	return by, unseen
}

// callOf32 is the second argument, which is the id where a program of 32 bits calls
// ipc(2), whose first is the operation.
func callOf32(f []string) int {
	if len(f) < 3 {
		return -1
	}
	id, err := strconv.ParseUint(strings.TrimPrefix(f[2], "0x"), 16, 64)
	if err != nil {
		return -1
	}
	return int(int32(id))
}
