package ring

import (
	"context"
	"fmt"

	"example.com/sysvipc/sysv/internal/parent"
)

// Env returns the variable by which a child finds the queue with [QueueFromParent]:
//
//	cmd.Env = append(os.Environ(), q.Env())
//
// Where a child is to find several each has a name, which may have letters, digits and _.
// A queue that is made with [example.com/sysvipc/sysv.Private] and Config.Ephemeral has no
// key and ends with the last of the family; where that is killed what is left of it is
// removed when the same user makes another such ring.
func (q *Queue) Env(name ...string) string { return parent.Queue.Env(q.ID(), name...) }

// QueueFromParent opens the queue that a parent handed on with [Queue.Env], by the same name. If there is
// no such variable in the environment, or no such queue any more, the error is
// [io/fs.ErrNotExist]. Others are those of [OpenQueueID].
func QueueFromParent(ctx context.Context, cfg *OpenConfig, name ...string) (*Queue, error) {
	id, err := parent.Queue.ID(name...)
	if err != nil {
		return nil, fmt.Errorf("ring: %w", err)
	}
	return OpenQueueID(ctx, id, cfg)
}

// Env is [Queue.Env], for [LatestFromParent].
func (l *Latest) Env(name ...string) string { return parent.Latest.Env(l.ID(), name...) }

// LatestFromParent is [QueueFromParent] for a Latest.
func LatestFromParent(ctx context.Context, cfg *OpenConfig, name ...string) (*Latest, error) {
	id, err := parent.Latest.ID(name...)
	if err != nil {
		return nil, fmt.Errorf("ring: %w", err)
	}
	return OpenLatestID(ctx, id, cfg)
}

// Env is [Queue.Env], for [FeedFromParent].
func (f *Feed) Env(name ...string) string { return parent.Feed.Env(f.ID(), name...) }

// FeedFromParent is [QueueFromParent] for a Feed.
func FeedFromParent(ctx context.Context, cfg *OpenConfig, name ...string) (*Feed, error) {
	id, err := parent.Feed.ID(name...)
	if err != nil {
		return nil, fmt.Errorf("ring: %w", err)
	}
	return OpenFeedID(ctx, id, cfg)
}
