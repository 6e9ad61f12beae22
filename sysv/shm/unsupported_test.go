//go:build !linux || android

package shm_test

import (
	"context"
	"errors"
	"testing"

	"example.com/sysvipc/sysv/shm"
)

func TestUnsupported(t *testing.T) {
	for name, call := range map[string]func() error{
		"Create":       func() error { _, err := shm.Create(1, 1, nil); return err },
		"Open":         func() error { _, err := shm.Open(1, nil); return err },
		"OpenOrCreate": func() error { _, _, err := shm.OpenOrCreate(1, 1, nil); return err },
		"OpenOrInit":   func() error { _, _, err := shm.OpenOrInit(context.Background(), 1, 1, nil, nil); return err },
		"OpenFilled":   func() error { _, err := shm.OpenFilled(context.Background(), 1, nil); return err },
		"OpenID":       func() error { _, err := shm.OpenID(1); return err },
		"List":         func() error { _, err := shm.List(); return err },
		"Limits":       func() error { _, err := shm.Limits(); return err },
		"Usage":        func() error { _, err := shm.Usage(); return err },
	} {
		if err := call(); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v, want errors.ErrUnsupported", name, err)
		}
	}
}
