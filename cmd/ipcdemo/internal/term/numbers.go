package term

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"time"

	"github.com/alecthomas/kong"
)

// numbers reads numbers and times, and says for people what is wrong with one.
func numbers() kong.Option {
	options := []kong.Option{
		kong.TypeMapper(reflect.TypeFor[time.Duration](), kong.MapperFunc(duration)),
		kong.KindMapper(reflect.Int, kong.MapperFunc(signed)),
		kong.KindMapper(reflect.Uint32, kong.MapperFunc(unsigned)),
	}
	return kong.OptionFunc(func(k *kong.Kong) error {
		for _, o := range options {
			if err := o.Apply(k); err != nil {
				return err
			}
		}
		return nil
	})
}

func signed(ctx *kong.DecodeContext, target reflect.Value) error {
	text, err := value(ctx, "number")
	if err != nil {
		return err
	}
	bits := target.Type().Bits()
	n, err := strconv.ParseInt(text, 0, bits)
	if err != nil {
		return notANumber(text, err, strconv.FormatInt(-1<<(bits-1), 10), strconv.FormatInt(1<<(bits-1)-1, 10))
	}
	target.SetInt(n)
	return nil
}

func unsigned(ctx *kong.DecodeContext, target reflect.Value) error {
	text, err := value(ctx, "number")
	if err != nil {
		return err
	}
	bits := target.Type().Bits()
	n, err := strconv.ParseUint(text, 0, bits)
	if err != nil {
		return notANumber(text, err, "0", strconv.FormatUint(1<<bits-1, 10))
	}
	target.SetUint(n)
	return nil
}

func duration(ctx *kong.DecodeContext, target reflect.Value) error {
	text, err := value(ctx, "time")
	if err != nil {
		return err
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return fmt.Errorf("%q is no time, as 300ms, 2s or 1h30m are", text)
	}
	target.SetInt(int64(d))
	return nil
}

// value is what follows a flag.
func value(ctx *kong.DecodeContext, what string) (string, error) {
	token, err := ctx.Scan.PopValue(what)
	if err != nil {
		return "", fmt.Errorf("missing %s", what)
	}
	return token.String(), nil
}

func notANumber(text string, err error, least, most string) error {
	if errors.Is(err, strconv.ErrRange) {
		return fmt.Errorf("%s does not fit: it must be %s to %s", text, least, most)
	}
	return fmt.Errorf("%q is no whole number", text)
}
