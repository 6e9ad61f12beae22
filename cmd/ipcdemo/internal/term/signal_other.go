//go:build !unix

package term

import "context"

// EndOnSignal does nothing here.
func EndOnSignal(context.CancelCauseFunc) {}

// IgnoreSignals does nothing here.
func IgnoreSignals() {}
