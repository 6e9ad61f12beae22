package proc

import (
	"bufio"
	"io"
	"strconv"
	"strings"
)

// An IDKind is what a user namespace maps: user_namespaces(7).
type IDKind string

const (
	UID IDKind = "uid"
	GID IDKind = "gid"
)

// MapsAll tells whether this process's user namespace maps every id of the kind,
// as the initial one does. Where that can't be seen it may not.
func (k IDKind) MapsAll() bool {
	f, err := open("/proc/self/" + string(k) + "_map")
	if err != nil {
		return false
	}
	defer f.Close()
	return mapsAll(f)
}

// mapsAll adds up the ranges, whose third column is how many ids they have. The
// last of all numbers, 1<<32 - 1, is no id.
func mapsAll(text io.Reader) bool {
	var sum uint64
	lines := bufio.NewScanner(text)
	for lines.Scan() {
		columns := strings.Fields(lines.Text())
		if len(columns) != 3 {
			return false
		}
		n, err := strconv.ParseUint(columns[2], 10, 32)
		if err != nil {
			return false
		}
		sum += n
	}
	return sum >= 1<<32-1
}

// Overflow returns what the kernel shows in the place of an id that the user
// namespace does not map.
func (k IDKind) Overflow() uint32 {
	if vals, err := Sysctl("overflow" + string(k)); err == nil {
		return uint32(vals[0])
	}
	return 65534
}
