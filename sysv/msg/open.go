package msg

import (
	"fmt"
	"io/fs"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/object"
	"example.com/sysvipc/sysv/internal/sys"
)

// Config is how a queue is created. Nil means the zero Config.
type Config struct {
	// Mode is read and write permission for owner, group and others, exactly
	// as given: the umask plays no part. To send is to write. 0 means 0o600.
	// Bits outside 0o777 are an error.
	Mode fs.FileMode
	// MaxBytes is how many bytes the messages in the queue may have together,
	// and also how many messages it may hold. 0 means kernel.msgmnb; more than
	// that needs CAP_SYS_RESOURCE. See [Queue.SetMaxBytes].
	MaxBytes int
	// OwnedBy, for OpenOrCreate, is as in OpenConfig.
	OwnedBy *uint32
}

// OpenConfig is how an existing queue is opened. Nil means the zero OpenConfig.
type OpenConfig struct {
	// OwnedBy, if not nil, is the user who must be the queue's owner and its
	// creator; any other queue is refused with an error that is
	// [fs.ErrPermission]. Keys are not protected: whoever comes first can put
	// a queue of his own where a program expects another's.
	OwnedBy *uint32
}

// Create makes an empty queue, which must not exist yet: if it does, the error
// is [fs.ErrExist]. With [sysv.Private] it always makes another queue, which is
// reached by its id.
//
// Giving the queue its MaxBytes is a second call to the kernel: others who open
// it at once may for a moment meet kernel.msgmnb, and read permission for the
// owner where Mode has none. If this process is killed in between, it stays so.
//
// Other errors: ENOSPC for a limit (kernel.msgmni), [fs.ErrPermission] for
// MaxBytes. Hints name the limit and its use. On any error no queue is left,
// unless it can't be removed either. See msgget(2).
func Create(key sysv.Key, cfg *Config) (*Queue, error) {
	if cfg == nil {
		cfg = new(Config)
	}
	mode, err := kind.CreateMode(key, cfg.Mode)
	if err != nil {
		return nil, err
	}
	if cfg.MaxBytes < 0 {
		return nil, kind.Invalid("msgget", key, -1, fmt.Sprintf("MaxBytes of %d is negative", cfg.MaxBytes))
	}
	flags := mode | sys.IPC_CREAT | sys.IPC_EXCL
	if cfg.MaxBytes > 0 {
		flags |= 0o400 // IPC_SET sets the owner too, who has to be read for that
	}
	id, err := sys.Msgget(int32(key), flags)
	if err != nil {
		return nil, kind.Error("msgget", key, -1, err, createHint)
	}
	q := &Queue{id, key}
	if cfg.MaxBytes > 0 {
		if err := q.setUp(mode, cfg.MaxBytes); err != nil {
			q.Remove()
			return nil, err
		}
	}
	return q, nil
}

func (q *Queue) setUp(mode, maxBytes int) error {
	stat, err := kind.KeepOwner(q.id)
	if err != nil {
		return err
	}
	return q.set(stat.UID, stat.GID, uint32(mode), uint64(maxBytes))
}

// Open finds the queue with a key. It asks for no permission: those decide when
// it is used. If there is none, the error is [fs.ErrNotExist]. [sysv.Private] is
// an error, because it names none. See msgget(2).
func Open(key sysv.Key, cfg *OpenConfig) (*Queue, error) {
	if cfg == nil {
		cfg = new(OpenConfig)
	}
	id, _, err := kind.Open(key, cfg.OwnedBy)
	if err != nil {
		return nil, err
	}
	return &Queue{id, key}, nil
}

// OpenOrCreate finds the queue with a key, or makes it as Create does, and says
// which. Of processes that call it at once exactly one is told that it created.
// An existing queue is taken as it is: of cfg only OwnedBy plays a part, though
// what Create would refuse is refused here too.
func OpenOrCreate(key sysv.Key, cfg *Config) (q *Queue, created bool, err error) {
	if cfg == nil {
		cfg = new(Config)
	}
	if err := kind.CheckKey(key); err != nil {
		return nil, false, err
	}
	return object.OpenOrCreate(
		func() (*Queue, error) { return Create(key, cfg) },
		func() (*Queue, error) { return Open(key, &OpenConfig{OwnedBy: cfg.OwnedBy}) })
}

// OpenID finds the queue with an id, as ipcs(1) prints it or as its creator
// handed it on. 0 is a valid id. If there is none, the error is
// [fs.ErrNotExist].
func OpenID(id int) (*Queue, error) {
	stat, err := kind.OpenID(id)
	if err != nil {
		return nil, err
	}
	return &Queue{id, stat.Key}, nil
}
