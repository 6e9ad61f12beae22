package ring

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/bits"
	"syscall"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/lock"
)

// Config is how a ring is created. Nil means the zero Config.
type Config struct {
	// Size is how many bytes records have room for, with 8 more for each and rounded
	// up to a multiple of 8: 512 to 1<<32, rounded up to a power of two. 0 means 1 MiB.
	// A record can be a quarter of it.
	Size int
	// Processes is how many can be members at once, 1 to 2047. 0 means 128.
	Processes int
	// Mode is the permission of the segment and the set: read and write for whoever is
	// to take part. 0 means 0o600. Bits outside 0o777 are an error, and so is 0o601.
	Mode fs.FileMode
	// OwnedBy, if not nil, is the user who must have created and own the ring that is
	// found; any other is refused with an error that is [fs.ErrPermission].
	OwnedBy *uint32
	// Ephemeral makes a ring that ends with its last member: see [lock.Config]. What is
	// left of one without a key whose members were all killed the same user's next such
	// creation removes.
	Ephemeral bool

	// Lossy makes a Feed that keeps the newest records, whoever has seen them.
	Lossy bool
	// Cursors is how many subscriptions and reservations a lossless Feed can have at
	// once, in all processes: 1 to 65536. 0 means two for each process, 64 at least.
	Cursors int

	// Attempts is how often a record of a Queue may be delivered in vain, to somebody
	// who died with it or gave it back, before it is set aside: 1 to 65535, or 0 for as
	// often as you like.
	Attempts int
	// Aside is how many bytes those that are set aside have room for, as Size says: half
	// of Size at least, which is what 0 means where Attempts is not 0. While they
	// have no room for one more, that one stays where it was, in the way of the
	// queue's end and, in time, of producers: see [Lease.Stuck].
	Aside int
	// Leases is how many parts of a Queue can be had apart at once, in all processes: 2 to
	// 65536, of which one is kept for records that are given again. Records that a consumer
	// gets one after the other are mostly one lease, but at worst each is one. While there
	// is none left nobody gets another record. 0 means 1024, or two for each process.
	Leases int
}

// OpenConfig is how a ring is opened. Nil means the zero OpenConfig.
type OpenConfig struct {
	// OwnedBy is as in Config.
	OwnedBy *uint32
}

const (
	defaultProcesses = 128
	defaultLeases    = 1024

	defaultSize = 1 << 20
	leastSize   = 512
	mostSize    = 1 << 32
)

// filled returns the Config with what it leaves open that all kinds have.
func (cfg *Config) filled(key sysv.Key) (Config, error) {
	c := Config{}
	if cfg != nil {
		c = *cfg
	}
	if c.Processes == 0 {
		c.Processes = defaultProcesses
	}
	if c.Processes < 0 || c.Processes > mostSlots {
		return c, invalid(key, fmt.Sprintf("a ring is for 1 to %d processes, not %d", mostSlots, c.Processes))
	}
	return c, nil
}

func isSize(units uint32) bool {
	return units&(units-1) == 0 && units >= leastSize/unit && units <= mostSize/unit
}

// sizeOf returns a size in units, a power of two, or the reason why there is none.
func sizeOf(what string, bytes int) (units uint32, reason string) {
	if bytes < leastSize || uint64(bytes) > mostSize {
		return 0, fmt.Sprintf("%s is %d to %d bytes, not %d", what, leastSize, uint64(mostSize), bytes)
	}
	return 1 << bits.Len32(uint32((uint64(bytes)-1)/unit)), ""
}

// memoryOf returns how many bytes of memory a plan needs, if an int has room for that.
func memoryOf(key sysv.Key, bytes uint64) (int, error) {
	if bytes > math.MaxInt {
		return 0, invalid(key, "a segment of that size has no place in the memory of this architecture")
	}
	return int(bytes), nil
}

func invalid(key sysv.Key, reason string) error {
	return &sysv.Error{Op: "ring", Key: key, ID: -1, Err: syscall.EINVAL, Hint: reason}
}

// A plan is what a ring is made by.
type plan struct {
	format  string
	mutexes int
	memory  int // bytes
	init    func(memory []byte) error
}

func (c *Config) lock(p plan) *lock.Config {
	return &lock.Config{Processes: c.Processes, Mode: c.Mode, OwnedBy: c.OwnedBy, Ephemeral: c.Ephemeral,
		Memory: p.memory, Format: p.format, Init: p.init}
}

func (cfg *OpenConfig) lock(format string) *lock.OpenConfig {
	c := &lock.OpenConfig{Format: format}
	if cfg != nil {
		c.OwnedBy = cfg.OwnedBy
	}
	return c
}

// create makes the group that is planned.
func create(ctx context.Context, key sysv.Key, c *Config, p plan) (*lock.Group, error) {
	if key == sysv.Private && c.Ephemeral {
		removeOrphans()
	}
	return lock.Create(ctx, key, p.mutexes, c.lock(p))
}

// openOrCreate finds a group of whatever size, or makes the one that is planned.
func openOrCreate(ctx context.Context, key sysv.Key, c *Config, p plan) (g *lock.Group, created bool, err error) {
	for {
		if key != sysv.Private { // which lock has words for
			g, err := lock.Open(ctx, key, &lock.OpenConfig{OwnedBy: c.OwnedBy, Format: p.format})
			if err == nil {
				return g, false, nil
			}
			none := errors.Is(err, fs.ErrNotExist) || errors.Is(err, sysv.ErrRemoved) || errors.Is(err, sysv.ErrNotInitialized)
			if !none || ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded) {
				return nil, false, err
			}
		}
		g, created, err = lock.OpenOrCreate(ctx, key, p.mutexes, c.lock(p))
		if !errors.Is(err, sysv.ErrSize) { // of what another has made meanwhile
			return g, created, err
		}
	}
}
