//go:build !linux || android

package msg_test

import (
	"errors"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/msg"
)

func TestEverythingIsUnsupported(t *testing.T) {
	for name, call := range map[string]func() error{
		"Create":       func() error { _, err := msg.Create(sysv.Private, nil); return err },
		"Open":         func() error { _, err := msg.Open(1, nil); return err },
		"OpenOrCreate": func() error { _, _, err := msg.OpenOrCreate(1, nil); return err },
		"OpenID":       func() error { _, err := msg.OpenID(0); return err },
		"List":         func() error { _, err := msg.List(); return err },
		"Limits":       func() error { _, err := msg.Limits(); return err },
		"Usage":        func() error { _, err := msg.Usage(); return err },
	} {
		if err := call(); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v, want %v", name, err, errors.ErrUnsupported)
		}
	}
}
