//go:build linux && !android

package kit

import (
	"os"
	"strconv"
	"testing"
)

// NextID makes the next object of a kind ("shm", "sem", "msg") get an id that is
// free by now. Without the kernel's help that would take four million objects.
func NextID(t testing.TB, kind string, id int) {
	t.Helper()
	path := "/proc/sys/kernel/" + kind + "_next_id"
	if err := os.WriteFile(path, []byte(strconv.Itoa(id)), 0); err != nil {
		t.Skipf("skipping, run as root with /proc/sys writable, on a kernel with CONFIG_CHECKPOINT_RESTORE: %v", err)
	}
}
