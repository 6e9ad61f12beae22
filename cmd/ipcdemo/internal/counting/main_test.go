//go:build linux && !android

package counting

import (
	"context"
	"os/exec"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"example.com/sysvipc/cmd/ipcdemo/internal/term"
	"example.com/sysvipc/sysv/sysvtest"
)

func TestMain(m *testing.M) {
	testscript.Main(sysvtest.Wrap(m), map[string]func(){
		"ipcdemo": func() {
			term.Main(new(struct {
				Join Join `cmd:""`
			}), "The commands of this package.")
		},
	})
}

// ipcdemo is that program, as the tests' own: its name makes it that, see TestMain.
func ipcdemo(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "/proc/self/exe", args...)
	cmd.Args[0] = "ipcdemo"
	return cmd
}
