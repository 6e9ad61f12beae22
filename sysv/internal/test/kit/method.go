//go:build linux && !android

package kit

import (
	"fmt"
	"maps"
	"strings"
)

// Methods are those of a T that ask the kernel, in an order in which each can
// succeed.
type Methods[T any] []struct {
	Name string
	Call func(T) error
}

// Outcomes calls them all, and has a word for how each went.
func (m Methods[T]) Outcomes(x T, word func(error) string) map[string]string {
	outcomes := make(map[string]string)
	for _, method := range m {
		outcomes[method.Name] = word(method.Call(x))
	}
	return outcomes
}

// All is what Outcomes returns if nothing but these goes otherwise.
func (m Methods[T]) All(what string, except map[string]string) map[string]string {
	outcomes := make(map[string]string)
	for _, method := range m {
		outcomes[method.Name] = what
	}
	maps.Copy(outcomes, except)
	return outcomes
}

// PrintOutcomes prints how each method went, for ReadOutcomes in another process.
func PrintOutcomes(outcomes map[string]string) {
	for name, what := range outcomes {
		fmt.Printf("%s: %s\n", name, what)
	}
	fmt.Println("end")
}

// ReadOutcomes reads, line by line, what PrintOutcomes has printed.
func ReadOutcomes(line func() string) map[string]string {
	outcomes := make(map[string]string)
	for {
		name, what, ok := strings.Cut(line(), ": ")
		if !ok {
			return outcomes
		}
		outcomes[name] = what
	}
}
