package inspect

import (
	"bufio"
	"os"
	"slices"
	"strconv"
	"strings"
)

// users are the processes that have segments attached, by the segments' ids,
// with one entry for each attachment.
//
// A segment that is mapped stands in /proc/PID/maps (proc(5)) as a file of the
// name SYSV and its key, whose inode is the id (newseg in the kernel's ipc/shm.c).
// Ids are those of an IPC namespace, so only processes of ours count. Those of
// other users can't be looked into, except by root.
func users() map[int][]int {
	found := make(map[int][]int)
	ours, err := os.Readlink("/proc/self/ns/ipc")
	if err != nil {
		return found
	}
	dir, err := os.Open("/proc")
	if err != nil {
		return found
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		if theirs, err := os.Readlink("/proc/" + name + "/ns/ipc"); err != nil || theirs != ours {
			continue
		}
		for _, id := range attachments("/proc/" + name + "/maps") {
			found[id] = append(found[id], pid)
		}
	}
	for _, pids := range found {
		slices.Sort(pids)
	}
	return found
}

// attachments are the ids of the segments that a file like /proc/PID/maps shows.
// A process that ends meanwhile shows none.
func attachments(file string) (ids []int) {
	f, err := os.Open(file)
	if err != nil {
		return nil
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if id, ok := attachment(lines.Text()); ok {
			ids = append(ids, id)
		}
	}
	return ids
}

// attachment reads a line as
//
//	7f2060603000-7f2060604000 rw-s 00000000 00:01 360454    /SYSV000004d2 (deleted)
//
// A file may have such a name, too, but not on a device of the kernel's own that
// nobody can mount, whose major number is 0, and deleted since its beginning.
func attachment(line string) (id int, ok bool) {
	if !strings.Contains(line, " /SYSV") {
		return 0, false
	}
	f := strings.Fields(line)
	if len(f) != 7 || len(f[5]) != len("/SYSV000004d2") || f[6] != "(deleted)" || !strings.HasPrefix(f[3], "00:") {
		return 0, false
	}
	id, err := strconv.Atoi(f[4])
	return id, err == nil
}

// programs names processes for people, each once: their ids and the names of
// their programs, as far as those can be seen.
func programs(pids []int) string {
	count := make(map[int]int)
	var order []int
	for _, pid := range pids {
		if pid == 0 {
			continue // of another PID namespace, or none
		}
		if count[pid]++; count[pid] == 1 {
			order = append(order, pid)
		}
	}
	var s []string
	for _, pid := range order {
		text := strconv.Itoa(pid)
		if name, err := os.ReadFile("/proc/" + text + "/comm"); err == nil {
			text += " " + strings.TrimSuffix(string(name), "\n")
		}
		if count[pid] > 1 {
			text += " ×" + strconv.Itoa(count[pid])
		}
		s = append(s, text)
	}
	return strings.Join(s, ", ")
}
