//go:build linux && !android

package proc

import (
	"strings"
	"testing"
)

func TestMapsAll(t *testing.T) {
	for text, want := range map[string]bool{
		"         0          0 4294967295\n":                 true,
		"0 0 2147483648\n2147483648 2147483648 2147483647\n": true,
		"0 0 4294967294\n":                                   false,
		"1000 1001 1\n":                                      false,
		"":                                                   false,
		"0 0\n":                                              false,
		"0 0 many\n":                                         false,
	} {
		if got := mapsAll(strings.NewReader(text)); got != want {
			t.Errorf("mapsAll(%q) = %v, want %v", text, got, want)
		}
	}
}
