package weaviate

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/google/uuid"

	"sheaf/internal/engine"
)

// The lock of a store is a collection, because the cluster agrees on its schema: of two writers that
// make one of the same name one is told that it is there. The name has the epoch of its writer,
// a number that grows with every writer. The description tells who that is.
//
// Whoever writes may have to stop for longer than its lock counts, between any two requests, and go
// on when another one writes. So each epoch has a state of its own, and readers take that of the highest
// (state.go): what a writer of a lower one sends late changes nothing. A writer that takes over makes its
// lock, removes that of the one before, and then reads the state. A commit counts when the state is
// written and the lock is there after that: then the next writer reads this state.
//
// A killed writer leaves its lock behind, and so does one that fails to begin its epoch: what it sent may
// arrive late, in an epoch that must be nobody else's then. Such a lock counts no more once its process is
// gone, as far as that can be told where it ran, or once it has not been renewed for expiry, by the clock
// of the server.

// lease is the right to write in an epoch.
type lease struct {
	epoch int64
	token string
	stays bool // the lock is not given back: nothing else tells that its epoch, or an earlier one, was used
}

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
	if h == (holder{}) {
		return ""
	}
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

// lock makes this process the only writer of the store.
func (c *client) lock(ctx context.Context, patience time.Duration) (lease, error) {
	for end, refused := time.Now().Add(patience), 0; ; {
		epoch, _, err := c.newest(ctx)
		if err != nil {
			return lease{}, err
		}
		locks, err := c.locks(ctx)
		if err != nil {
			return lease{}, err
		}
		of, err := c.alive(ctx, locks)
		switch {
		case err != nil:
			return lease{}, err
		case of != nil && time.Now().After(end):
			return lease{}, &engine.LockedError{Holder: of.String()}
		case of != nil:
			if err := wait(ctx, patient); err != nil {
				return lease{}, err
			}
			continue
		}
		l, err := c.claim(ctx, epoch, locks)
		if err == nil && l.token != "" {
			return l, nil
		}
		// Another was faster, or such a collection cannot be made.
		if refused++; err != nil && (l.stays || refused == tries || !hasStatus(err, http.StatusUnprocessableEntity)) {
			return lease{}, err
		}
	}
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

// claim makes the lock of the epoch after those that are known, and removes theirs. It returns no
// token where another writer came between.
func (c *client) claim(ctx context.Context, known int64, locks map[int64]holder) (l lease, err error) {
	host, _ := os.Hostname() // "" is of no known host
	me := holder{Token: uuid.NewString(), Host: host, System: system(), Since: cmp.Or(c.clock.Load(), time.Now().Unix()), Process: os.Getpid()}
	description, err := json.Marshal(me)
	if err != nil {
		return lease{}, err
	}
	l = lease{epoch: max(known, last(locks)) + 1, token: me.Token}
	lock := c.place.flat(c.place.lock(l.epoch), "dot", 1, kept("data"))
	lock.Description = string(description)
	err = c.call(ctx, http.MethodPost, "/v1/schema", lock, nil)
	if err != nil && !(hasStatus(err, http.StatusUnprocessableEntity) && c.own(ctx, l) == nil) { // else the answer was lost, not the request
		return lease{}, err
	}
	mine, err := c.confirm(ctx, &l, known)
	if err == nil && mine {
		return l, nil
	}
	return lease{stays: l.stays}, errors.Join(err, c.unlock(ctx, l))
}

// confirm removes the locks of earlier epochs, unless what was known before this one was made is not so any more.
func (c *client) confirm(ctx context.Context, l *lease, known int64) (bool, error) {
	locks, err := c.locks(ctx)
	if err != nil {
		return false, err
	}
	newest, _, err := c.newest(ctx)
	if err != nil || newest != known || last(locks) != l.epoch {
		return false, err
	}
	for epoch := range locks {
		if epoch == l.epoch {
			continue
		}
		l.stays = true
		if err := c.call(ctx, http.MethodDelete, "/v1/schema/"+c.place.lock(epoch), nil, nil); err != nil {
			return false, err
		}
	}
	return true, c.write(ctx, c.place.lock(l.epoch), renewedID, l.token)
}

// last is the highest epoch that has a lock.
func last(locks map[int64]holder) (epoch int64) {
	for e := range locks {
		epoch = max(epoch, e)
	}
	return epoch
}

// generated is what a server says of a collection that it made because an object was put into it. Such a
// lock tells no holder, and counts as others do: a claimer that had been held up renewed it too late.
const generated = "generated by Weaviate's auto-schema"

// locks are those of the store by their epochs.
func (c *client) locks(ctx context.Context) (map[int64]holder, error) {
	var schema struct{ Classes []class }
	if err := c.call(ctx, http.MethodGet, "/v1/schema", nil, &schema); err != nil {
		return nil, err
	}
	locks := map[int64]holder{}
	for _, one := range schema.Classes {
		number, is := strings.CutPrefix(one.Name, c.place.collection+lockInfix)
		if !is {
			continue
		}
		epoch, err := strconv.ParseInt(number, 10, 64)
		var h holder
		if err == nil && !strings.Contains(one.Description, generated) {
			err = json.Unmarshal([]byte(one.Description), &h)
		}
		if err != nil {
			return nil, &engine.FormatError{Path: c.place.url, Problem: fmt.Sprintf("the collection %s is not the lock of a store", one.Name), Remedy: "delete that collection, where no other program needs it"}
		}
		locks[epoch] = h
	}
	return locks, nil
}

// alive returns the holder of a lock that counts, nil where there is none.
func (c *client) alive(ctx context.Context, locks map[int64]holder) (*holder, error) {
	for epoch, of := range locks {
		if of.gone() {
			continue
		}
		written, now, err := c.renewal(ctx, epoch)
		if err != nil {
			return nil, err
		}
		if written.IsZero() {
			written = time.Unix(of.Since, 0)
		}
		if now.Sub(written) <= expiry {
			return &of, nil
		}
	}
	return nil, nil
}

// renewal tells when a lock was renewed, zero where it never was, and what time it is, both by
// the clocks of the servers: 1970 where they tell none.
func (c *client) renewal(ctx context.Context, epoch int64) (written, now time.Time, err error) {
	var o struct {
		Updated int64 `json:"lastUpdateTimeUnix"`
	}
	err = c.call(ctx, http.MethodGet, "/v1/objects/"+c.place.lock(epoch)+"/"+renewedID, nil, &o)
	now = time.Unix(c.clock.Load(), 0)
	if isMissing(err) {
		return written, now, nil
	}
	if err != nil {
		return written, now, err
	}
	return time.UnixMilli(o.Updated), now, nil
}

// own fails where a lock is not there any more, because another writer took the store over.
func (c *client) own(ctx context.Context, l lease) error {
	lock, err := c.class(ctx, c.place.lock(l.epoch))
	if err != nil {
		return err
	}
	var of holder
	if lock == nil || json.Unmarshal([]byte(lock.Description), &of) != nil || of.Token != l.token {
		return engine.ErrLockLost
	}
	return nil
}

// renewUntil renews a lock until done is closed, or the lock is gone. A renewal that fails is told
// by the next one, or the next commit.
func (c *client) renewUntil(done <-chan struct{}, l lease) {
	for {
		select {
		case <-done:
			return
		case <-time.After(interval):
			if errors.Is(c.renew(l), engine.ErrLockLost) {
				return
			}
		}
	}
}

// renew renews a lock, and fails as own does where it is gone. It changes an object that is there: one that
// is put into a collection that is gone would make some servers make one that is no lock.
func (c *client) renew(l lease) error {
	ctx, stop := context.WithTimeout(context.Background(), interval)
	defer stop()
	lock := c.place.lock(l.epoch)
	err := c.call(ctx, http.MethodPatch, "/v1/objects/"+lock+"/"+renewedID, map[string]any{"class": lock, "id": renewedID, "properties": map[string]string{"data": l.token}}, nil)
	if isMissing(err) { // also to a server that does not know of the lock yet
		err = c.own(ctx, l)
	}
	return err
}

// unlock gives a lock back, unless it stays or another writer has it. It tries once: the second time the
// lock could be another's. One that is left counts no more when this process ends.
func (c *client) unlock(ctx context.Context, l lease) error {
	if l.stays {
		return nil
	}
	err := c.own(ctx, l)
	if err == nil {
		err = c.once(ctx, http.MethodDelete, "/v1/schema/"+c.place.lock(l.epoch), nil, nil)
	}
	if errors.Is(err, engine.ErrLockLost) {
		return nil
	}
	return err
}
