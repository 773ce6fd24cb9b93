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

	"sheaf/internal/engine"
)

const lockName = "lock"

// takeLock takes the writer lock of a directory, an advisory lock on a file, and
// writes into the file who holds it. Closing the file releases the lock; the
// kernel does so for a process that dies.
func takeLock(ctx context.Context, dir string, o engine.Options) (*os.File, error) {
	path := filepath.Join(dir, lockName)
	until := time.Now().Add(o.LockTimeout)
	for {
		f, err := tryLock(path)
		switch {
		case err == nil:
			if err := writeHolder(f, o.Holder); err != nil {
				return nil, errors.Join(err, f.Close())
			}
			return f, nil
		case !errors.Is(err, syscall.EWOULDBLOCK):
			return nil, err
		case !time.Now().Before(until):
			holder, _ := os.ReadFile(path) // only to tell who it is
			return nil, &engine.LockedError{Holder: strings.TrimSpace(string(holder))}
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(lockPoll):
		}
	}
}

// tryLock locks the file at path, which it makes where it is missing; an error
// that is EWOULDBLOCK says that another process has it, or had.
func tryLock(path string) (*os.File, error) {
	// Not through a symbolic link: a store may come from anywhere, and what the
	// link names is not its own.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o666)
	if err != nil {
		return nil, err
	}
	if err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err == nil {
		// Who discards a store removes its lock: this file may be the past one.
		if holdsLock(f) {
			return f, nil
		}
		err = syscall.EWOULDBLOCK
	}
	return nil, errors.Join(err, f.Close())
}

// holdsLock reports whether a locked file is still the one at its path.
func holdsLock(f *os.File) bool {
	mine, err := f.Stat()
	if err != nil {
		return false
	}
	now, err := os.Stat(f.Name())
	return err == nil && os.SameFile(mine, now)
}

// releaseLock empties the file, so that it names no process that does not write
// any more, and releases the lock. It does so before it closes the file: a child that was
// forked just now has the file too, until it executes.
func releaseLock(f *os.File) error {
	err := f.Truncate(0)
	_ = syscall.Flock(int(f.Fd()), syscall.LOCK_UN) // else Close releases it
	return errors.Join(err, f.Close())
}

// writeHolder writes into the lock file who holds it.
func writeHolder(f *os.File, holder string) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := fmt.Fprintf(f, "%d %s\n", os.Getpid(), holder)
	return err
}
