//go:build linux && !android

package interop_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
)

// Programs in other languages take their keys from the same files: one bit of
// difference and the two would never meet.
func TestFtok(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	kit.Must(t, os.WriteFile(file, nil, 0o600))
	each(t, func(t *testing.T, l language) {
		p := l.start(t)
		for _, path := range []string{file, dir, "/", "/dev/null"} {
			for _, proj := range []byte{1, 'A', 127, 128, 255} {
				want := p.do("ftok", path, proj)
				got, err := sysv.Ftok(path, proj)
				if err != nil || fmt.Sprint(int32(got)) != want {
					t.Errorf("Ftok(%q, %d) = %d, %v, want %s", path, proj, int32(got), err, want)
				}
			}
		}
	})
}
