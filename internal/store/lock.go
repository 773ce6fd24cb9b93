package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"
)

const lockName = "lock"

// lockPoll is how often a writer that waits for another looks again.
const lockPoll = 20 * time.Millisecond

// takeLock takes the writer lock of a directory and writes into it who holds
// it. The kernel releases the lock of a process that dies.
func takeLock(ctx context.Context, dir string, o Options) (*flock.Flock, error) {
	path := filepath.Join(dir, lockName)
	// Not through a symbolic link: a store may come from anywhere, and what the
	// link names is not its own.
	lock := flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW), flock.SetPermissions(0o666))
	got, err := lock.TryLock()
	if err == nil && !got && o.LockTimeout > 0 {
		wait, cancel := context.WithTimeout(ctx, o.LockTimeout)
		defer cancel()
		got, err = lock.TryLockContext(wait, lockPoll)
		if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
			err = nil
		}
	}
	switch {
	case err != nil:
		return nil, err
	case !got:
		holder, _ := os.ReadFile(path) // only to tell who it is
		return nil, &LockedError{Holder: strings.TrimSpace(string(holder))}
	}
	holder := fmt.Sprintf("%d %s\n", os.Getpid(), o.Holder)
	if err := writeHolder(path, holder); err != nil {
		return nil, errors.Join(err, lock.Unlock())
	}
	return lock, nil
}

// writeHolder writes into a lock file that is there who holds it.
func writeHolder(path, holder string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(holder)
	return errors.Join(err, f.Close())
}
