package weaviate

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/google/uuid"

	"sheaf/internal/engine"
)

// The lock of a store is a collection: the cluster agrees on its schema, so of two writers
// that make it one is told that it is there. Its description names the writer. A killed
// writer leaves it behind; it counts no more once its process is gone, as far as that can be told
// where it ran, or once it has not been renewed for expiry, by the clock of the server.

// holder is who has a lock. All users of the cluster see it, so it does not tell the command line,
// which may name other stores with their passwords.
type holder struct {
	Token   string `json:"token"`
	Host    string `json:"host"`
	System  string `json:"system"` // see system
	Since   int64  `json:"since"`  // in seconds since 1970, by the clock of the server where that is known
	Process int    `json:"process"`
}

func (h holder) String() string {
	return fmt.Sprintf("process %d on %s", h.Process, h.Host)
}

// gone reports whether the holder is a process of this system that has ended.
func (h holder) gone() bool {
	host, err := os.Hostname()
	return err == nil && host == h.Host && system() == h.System && syscall.Kill(h.Process, 0) == syscall.ESRCH
}

// system tells apart hosts of one name, and containers, which see other processes under the same
// numbers: by when Linux was started and the namespace. Elsewhere it is "".
func system() string {
	started, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	namespace, _ := os.Readlink("/proc/self/ns/pid") // "" is one, too
	return strings.TrimSpace(string(started)) + " " + namespace
}

const (
	// interval is how often a lock is renewed.
	interval = 10 * time.Second
	// expiry is how long a lock counts that is not renewed.
	expiry = 90 * time.Second
	// patient is how often a writer that waits looks at the lock.
	patient = 100 * time.Millisecond
)

// renewedID is the id of the object of the lock that is written to renew it.
const renewedID = "00000000-0000-0000-0000-000000000001"

// lock makes this process the only writer of the store, and returns its token.
func (c *client) lock(ctx context.Context, patience time.Duration) (token string, err error) {
	host, _ := os.Hostname() // "" is of no known host
	me := holder{Token: uuid.NewString(), Host: host, System: system(), Since: cmp.Or(c.clock.Load(), time.Now().Unix()), Process: os.Getpid()}
	description, err := json.Marshal(me)
	if err != nil {
		return "", err
	}
	lock := c.place.flat(c.place.lock(), "dot", 1, kept("data"))
	lock.Description = string(description)
	refused := 0
	for end := time.Now().Add(patience); ; {
		told := c.call(ctx, http.MethodPost, "/v1/schema", lock, nil)
		if told == nil {
			return me.Token, c.renew(ctx, me.Token)
		}
		if !hasStatus(told, http.StatusUnprocessableEntity) {
			return "", told
		}
		there, of, err := c.holder(ctx)
		switch {
		case err != nil:
			return "", err
		case !there: // it was given back meanwhile, or such a collection cannot be made
			if refused++; refused == tries {
				return "", told
			}
			continue
		case of.Token == me.Token: // the answer was lost, not the request
			return me.Token, c.renew(ctx, me.Token)
		}
		refused = 0
		stale, err := c.stale(ctx, of)
		if err != nil {
			return "", err
		}
		if stale {
			if err := c.call(ctx, http.MethodDelete, "/v1/schema/"+c.place.lock(), nil, nil); err != nil {
				return "", err
			}
			continue
		}
		if time.Now().After(end) {
			return "", &engine.LockedError{Holder: of.String()}
		}
		select {
		case <-ctx.Done():
			return "", context.Cause(ctx)
		case <-time.After(patient):
		}
	}
}

// holder tells who has the lock.
func (c *client) holder(ctx context.Context) (there bool, h holder, err error) {
	lock, err := c.class(ctx, c.place.lock())
	if err != nil || lock == nil {
		return false, h, err
	}
	if json.Unmarshal([]byte(lock.Description), &h) != nil {
		return false, h, &engine.FormatError{Path: c.place.url, Problem: fmt.Sprintf("the collection %s is not the lock of a store", c.place.lock()), Remedy: "delete that collection, where no other program needs it"}
	}
	return true, h, nil
}

// stale reports whether a lock does not count any more.
func (c *client) stale(ctx context.Context, of holder) (bool, error) {
	if of.gone() {
		return true, nil
	}
	written, now, err := c.renewal(ctx)
	if written.IsZero() {
		written = time.Unix(of.Since, 0)
	}
	return err == nil && now.Sub(written) > expiry, err
}

// renewal tells when the lock was renewed, zero where it never was, and what time it is, both by
// the clocks of the servers: 1970 where they tell none.
func (c *client) renewal(ctx context.Context) (written, now time.Time, err error) {
	var o struct {
		Updated int64 `json:"lastUpdateTimeUnix"`
	}
	err = c.call(ctx, http.MethodGet, "/v1/objects/"+c.place.lock()+"/"+renewedID, nil, &o)
	now = time.Unix(c.clock.Load(), 0)
	if hasStatus(err, http.StatusNotFound) || hasStatus(err, http.StatusUnprocessableEntity) {
		return written, now, nil
	}
	if err != nil {
		return written, now, err
	}
	return time.UnixMilli(o.Updated), now, nil
}

// renew renews the lock.
func (c *client) renew(ctx context.Context, token string) error {
	return c.write(ctx, c.place.lock(), renewedID, token)
}

// renewUntil renews the lock until done is closed, or another writer has it. What is written to a
// collection that is gone would make a server make one that is no lock. A renewal that fails
// is told by the next one, or the next commit.
func (c *client) renewUntil(done <-chan struct{}, token string) {
	for {
		select {
		case <-done:
			return
		case <-time.After(interval):
			if !c.renewOwn(token) {
				return
			}
		}
	}
}

// renewOwn renews the lock and reports whether it may still be this writer's.
func (c *client) renewOwn(token string) bool {
	ctx, stop := context.WithTimeout(context.Background(), interval)
	defer stop()
	there, of, err := c.holder(ctx)
	if err == nil && there && of.Token == token {
		_ = c.renew(ctx, token)
		return true
	}
	return err != nil
}

// unlock gives the lock back, unless another writer has it.
func (c *client) unlock(ctx context.Context, token string) error {
	there, of, err := c.holder(ctx)
	if err != nil || !there || of.Token != token {
		return err
	}
	return c.call(ctx, http.MethodDelete, "/v1/schema/"+c.place.lock(), nil, nil)
}
