package parent_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"example.com/sysvipc/sysv/internal/parent"
)

func TestChildFindsWhatItsParentHandsOn(t *testing.T) {
	for want, env := range map[int]string{
		7: parent.Segment.Env(7),
		0: parent.Segment.Env(0, "prices"),
		9: parent.Group.Env(9),
	} {
		variable, value, _ := strings.Cut(env, "=")
		t.Setenv(variable, value)
		var name []string
		kind := parent.Segment
		switch want {
		case 0:
			name = []string{"prices"}
		case 9:
			kind = parent.Group
		}
		if got, err := kind.ID(name...); got != want || err != nil {
			t.Errorf("%s: %d, %v, want %d", env, got, err, want)
		}
	}
	if _, err := parent.Segment.ID("orders"); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "SYSVIPC_SEGMENT_orders is not set") {
		t.Errorf("what nobody hands on: %v", err)
	}
	for _, value := range []string{"", "x"} {
		t.Setenv("SYSVIPC_FEED", value)
		if id, err := parent.Feed.ID(); err == nil {
			t.Errorf("%q is id %d", value, id)
		}
	}
}
