package inspect

import (
	"debug/elf"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Of queues and sets the kernel does not tell who has opened them, nor of segments who has
// but has them not attached: an id is just a number.
// What can be told of a process is whether its program, or a library that it has loaded,
// imports what it takes to use one. A program that makes system calls without a library,
// as Go's do, or calls functions by names of its own (libffi), may use any.

// callers remembers what files import, by device and inode.
type callers map[string]ability

// ability is what a program, or a library, can call.
type ability struct{ queues, segments, sets bool }

func (a ability) or(b ability) ability {
	return ability{a.queues || b.queues, a.segments || b.segments, a.sets || b.sets}
}

var anything = ability{true, true, true}

// of is what a process can call: anything where it may not be looked at.
func (c callers) of(pid int) ability {
	dir := "/proc/" + strconv.Itoa(pid)
	if _, err := os.Readlink(dir + "/exe"); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return ability{} // a thread of the kernel, or one that has ended
		}
		return anything
	}
	maps, err := os.ReadFile(dir + "/maps")
	if err != nil {
		return anything
	}
	can := c.file(dir+"/exe", "exe of "+strconv.Itoa(pid), true)
	for line := range strings.Lines(string(maps)) {
		f := strings.Fields(line)
		if len(f) < 6 || !strings.HasPrefix(f[5], "/") || !strings.Contains(f[1], "x") {
			continue
		}
		path := strings.Join(f[5:], " ")
		can = can.or(c.file(dir+"/root"+path, f[3]+" "+f[4], false))
	}
	return can
}

// file is what a file can call. A program that is linked to no library calls the kernel
// itself.
func (c callers) file(path, id string, program bool) ability {
	if known, ok := c[id]; ok {
		return known
	}
	can := imports(path, program)
	c[id] = can
	return can
}

func imports(path string, program bool) (can ability) {
	if strings.Contains(path, "/libffi.so") {
		return anything
	}
	file, err := elf.Open(path)
	if err != nil {
		// Replaced since, or not there; what is mapped may also be no library at all.
		if _, ok := errors.AsType[*elf.FormatError](err); ok {
			return ability{}
		}
		return anything
	}
	defer file.Close()
	if file.Section(".go.buildinfo") != nil {
		return anything
	}
	symbols, err := file.ImportedSymbols()
	if err != nil {
		if program {
			return anything
		}
		return ability{}
	}
	for _, s := range symbols {
		can.queues = can.queues || slices.Contains([]string{"msgget", "msgsnd", "msgrcv"}, s.Name)
		can.segments = can.segments || slices.Contains([]string{"shmget", "shmat"}, s.Name)
		can.sets = can.sets || slices.Contains([]string{"semget", "semop", "semtimedop"}, s.Name)
	}
	return can
}
