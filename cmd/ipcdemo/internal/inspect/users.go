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
// Anybody can give a file such a name, but not on the devices that segments lie on.
// Ids are those of an IPC namespace, so only processes of ours count. Those of
// other users can't be looked into, except by root.
func users() map[int][]int {
	found := make(map[int][]int)
	ours, err := os.Readlink("/proc/self/ns/ipc")
	if err != nil {
		return found
	}
	on := devices()
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
		for _, id := range attachments("/proc/"+name+"/maps", on) {
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
func attachments(file string, devices map[string]bool) (ids []int) {
	f, err := os.Open(file)
	if err != nil {
		return nil
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if id, ok := attachment(lines.Text(), devices); ok {
			ids = append(ids, id)
		}
	}
	return ids
}

// attachment reads a line as
//
//	7f2060603000-7f2060604000 rw-s 00000000 00:01 360454    /SYSV000004d2 (deleted)
//
// where the fourth field is one of the devices that segments lie on.
func attachment(line string, devices map[string]bool) (id int, ok bool) {
	if !strings.Contains(line, " /SYSV") {
		return 0, false
	}
	f := strings.Fields(line)
	if len(f) != 7 || len(f[5]) != len("/SYSV000004d2") || f[6] != "(deleted)" || !devices[f[3]] {
		return 0, false
	}
	id, err := strconv.Atoi(f[4])
	return id, err == nil
}

// program is the name of a process's program, or nothing where it can't be seen.
func program(pid int) string {
	if pid == 0 {
		return ""
	}
	name, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm")
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(string(name), "\n")
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
		text := strings.TrimSpace(strconv.Itoa(pid) + " " + program(pid))
		if count[pid] > 1 {
			text += " ×" + strconv.Itoa(count[pid])
		}
		s = append(s, text)
	}
	return strings.Join(s, ", ")
}
