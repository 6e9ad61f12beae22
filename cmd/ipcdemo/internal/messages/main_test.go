//go:build linux && !android

package messages

import (
	"testing"

	"example.com/sysvipc/sysv/sysvtest"
)

func TestMain(m *testing.M) { sysvtest.Main(m) }
