//go:build !unix

package main

import "context"

func endOnSignal(context.CancelCauseFunc) {}

func ignoreSignals() {}
