//go:build linux && !android

package interop_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/shm"
)

// A trade is the struct that testdata/layout.c has.
type trade struct {
	Symbol [8]byte
	Venue  uint16
	Shares uint32
	Price  float64
}

// layout compiles testdata/layout.c and reads what it prints.
func layout(t *testing.T, flags ...string) (printed string, size int, fields []shm.Field) {
	t.Helper()
	if _, err := exec.LookPath("cc"); err != nil {
		t.Skip("skipping, no C compiler: apt-get install gcc libc6-dev")
	}
	program := filepath.Join(t.TempDir(), "layout")
	kit.Run(t, "cc", append(flags, "-o", program, "../../../../testdata/layout.c")...)
	printed = kit.Run(t, program)
	for i, line := range strings.Split(strings.TrimSpace(printed), "\n") {
		var f shm.Field
		var err error
		if i == 0 {
			_, err = fmt.Sscanf(line, "%d,", &size)
		} else {
			_, err = fmt.Sscanf(line, "\tshm.Field{Name: %q, Offset: %d, Size: %d},", &f.Name, &f.Offset, &f.Size)
			fields = append(fields, f)
		}
		if err != nil {
			t.Fatalf("layout.c prints %q: %v", line, err)
		}
	}
	return printed, size, fields
}

func TestLayoutOfC(t *testing.T) {
	_, size, fields := layout(t)
	if err := shm.CheckLayout[trade](size, fields...); err != nil {
		t.Error(err)
	}
}

func TestLayoutOfPackedC(t *testing.T) {
	_, size, fields := layout(t, "-fpack-struct")
	err := shm.CheckLayout[trade](size, fields...)
	if err == nil || !strings.Contains(err.Error(), "field Shares is at 12, in C at 10 (if C's struct is packed, copy it") {
		t.Errorf("error is %v, want one that names Shares", err)
	}
}

// What CheckLayout's documentation shows is what layout.c prints.
func TestLayoutIsDocumented(t *testing.T) {
	printed, _, _ := layout(t)
	source, err := os.ReadFile("../../../shm/layout.go")
	kit.Must(t, err)
	shown := "//\terr := shm.CheckLayout[Trade](" + strings.ReplaceAll(strings.TrimSpace(printed), "\n", "\n//\t") + "\n//\t)\n"
	if !strings.Contains(string(source), shown) {
		t.Errorf("layout.c prints\n%s\nwhich CheckLayout's documentation does not show as\n%s", printed, shown)
	}
}
