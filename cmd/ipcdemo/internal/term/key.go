package term

import (
	"errors"

	"github.com/alecthomas/kong"

	"example.com/sysvipc/sysv"
)

// Key is a key on the command line.
type Key sysv.Key

// Decode takes what follows the flag even where it looks like another flag, as
// -1 does, which is a key.
func (k *Key) Decode(ctx *kong.DecodeContext) error {
	token := ctx.Scan.Pop()
	if token.IsEOL() {
		return errors.New("missing key")
	}
	key, err := sysv.ParseKey(token.String())
	*k = Key(key)
	return err
}
