package term

import (
	"bufio"
	"context"
	"fmt"
	"os"
)

// Hold waits for Enter, or for the end of the input, or of the context.
func Hold(ctx context.Context, prompt string) error {
	fmt.Fprintln(os.Stderr, prompt)
	entered := make(chan struct{})
	go func() {
		bufio.NewReader(os.Stdin).ReadString('\n')
		close(entered)
	}()
	select {
	case <-entered:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
