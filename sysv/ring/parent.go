package ring

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"strconv"
)

// A parent tells its children which ring is its own by their environment, as
// [example.com/sysvipc/sysv/shm.FromParent] has it: a name for each kind.
const (
	queueEnv  = "SYSVIPC_QUEUE"
	latestEnv = "SYSVIPC_LATEST"
	feedEnv   = "SYSVIPC_FEED"
)

// Env returns the variable by which a child finds the queue with [QueueFromParent]:
//
//	cmd.Env = append(os.Environ(), q.Env())
//
// A queue that is made with [example.com/sysvipc/sysv.Private] and Config.Ephemeral has no
// key and ends with the last of the family, unless that is killed.
func (q *Queue) Env() string { return env(queueEnv, q.ID()) }

// QueueFromParent opens the queue that a parent handed on with [Queue.Env]. If there is
// no such variable in the environment, or no such queue any more, the error is
// [io/fs.ErrNotExist]. Others are those of [OpenQueueID].
func QueueFromParent(ctx context.Context, cfg *OpenConfig) (*Queue, error) {
	id, err := fromParent(queueEnv)
	if err != nil {
		return nil, err
	}
	return OpenQueueID(ctx, id, cfg)
}

// Env is [Queue.Env], for [LatestFromParent].
func (l *Latest) Env() string { return env(latestEnv, l.ID()) }

// LatestFromParent is [QueueFromParent] for a Latest.
func LatestFromParent(ctx context.Context, cfg *OpenConfig) (*Latest, error) {
	id, err := fromParent(latestEnv)
	if err != nil {
		return nil, err
	}
	return OpenLatestID(ctx, id, cfg)
}

// Env is [Queue.Env], for [FeedFromParent].
func (f *Feed) Env() string { return env(feedEnv, f.ID()) }

// FeedFromParent is [QueueFromParent] for a Feed.
func FeedFromParent(ctx context.Context, cfg *OpenConfig) (*Feed, error) {
	id, err := fromParent(feedEnv)
	if err != nil {
		return nil, err
	}
	return OpenFeedID(ctx, id, cfg)
}

func env(name string, id int) string { return fmt.Sprintf("%s=%d", name, id) }

func fromParent(name string) (id int, err error) {
	value, ok := os.LookupEnv(name)
	if !ok {
		return 0, fmt.Errorf("ring: no parent hands one on: %s is not set: %w", name, fs.ErrNotExist)
	}
	if id, err = strconv.Atoi(value); err != nil {
		return 0, fmt.Errorf("ring: %s=%q is no id", name, value)
	}
	return id, nil
}
