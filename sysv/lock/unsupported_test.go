//go:build !linux || android

package lock_test

import (
	"context"
	"errors"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/lock"
)

func TestEverythingIsUnsupported(t *testing.T) {
	ctx := context.Background()
	for name, call := range map[string]func() error{
		"Create":       func() error { _, err := lock.Create(ctx, sysv.Private, 1, nil); return err },
		"Open":         func() error { _, err := lock.Open(ctx, 1, nil); return err },
		"OpenOrCreate": func() error { _, _, err := lock.OpenOrCreate(ctx, 1, 1, nil); return err },
		"OpenID":       func() error { _, err := lock.OpenID(ctx, 0, nil); return err },
		"SegmentOf":    func() error { _, _, err := lock.SegmentOf(0); return err },
		"Inspect":      func() error { _, err := lock.Inspect(0, nil); return err },
	} {
		if err := call(); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v, want %v", name, err, errors.ErrUnsupported)
		}
	}
}
