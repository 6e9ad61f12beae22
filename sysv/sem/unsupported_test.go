//go:build !linux || android

package sem_test

import (
	"context"
	"errors"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/sem"
)

func TestEverythingIsUnsupported(t *testing.T) {
	ctx := context.Background()
	for name, call := range map[string]func() error{
		"Create":       func() error { _, err := sem.Create(sysv.Private, []int{1}, nil); return err },
		"Open":         func() error { _, err := sem.Open(ctx, 1, nil); return err },
		"OpenOrCreate": func() error { _, _, err := sem.OpenOrCreate(ctx, 1, []int{1}, nil); return err },
		"OpenID":       func() error { _, err := sem.OpenID(0); return err },
		"List":         func() error { _, err := sem.List(); return err },
		"Limits":       func() error { _, err := sem.Limits(); return err },
		"Usage":        func() error { _, err := sem.Usage(); return err },
	} {
		if err := call(); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v, want %v", name, err, errors.ErrUnsupported)
		}
	}
}
