//go:build !linux || android

package sysvtest

import "errors"

func runInNamespace() (int, error) { return 0, errors.ErrUnsupported }
