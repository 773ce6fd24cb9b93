package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"sheaf/internal/engine"
)

// lockKey is the key of the store's advisory lock: a hash of the schema and the name of its
// table. The schema of a table that is not there yet is the one that it would be made in.
const lockKey = `SELECT hashtextextended('sheaf ' || COALESCE(
  (SELECT relnamespace FROM pg_class WHERE oid = to_regclass($1)),
  (SELECT oid FROM pg_namespace WHERE nspname = COALESCE(NULLIF($2, ''), current_schema())))::text || ' ' || $3, 0)`

// lock makes the session the only writer of the store, until it ends.
func (c *conn) lock(ctx context.Context, patience time.Duration) error {
	p := c.pool.place
	b, err := c.value(ctx, lockKey, p.name(""), p.schema, p.table)
	if err != nil {
		return err
	}
	key := row{b}.int(0)
	taken, err := c.value(ctx, `SELECT pg_try_advisory_lock($1)`, key)
	if err != nil || (row{taken}).bool(0) {
		return err
	}
	if patience >= time.Millisecond {
		_, err := c.script(ctx, fmt.Sprintf(`SET lock_timeout = %d; SELECT pg_advisory_lock(%d); SET lock_timeout = 0`, patience.Milliseconds(), key))
		if stateOf(err) != notAvailable {
			return err
		}
	}
	holder, err := c.holder(ctx, key)
	if err != nil {
		return err
	}
	return &engine.LockedError{Holder: holder}
}

// unlock gives the lock back where the session can still be asked. The server would do so too, but
// some time after the session is closed here.
func (c *conn) unlock() {
	if c.IsClosed() || c.IsBusy() {
		return
	}
	ctx, stop := context.WithTimeout(context.Background(), goodbye)
	defer stop()
	_, _ = c.script(ctx, `ROLLBACK; SELECT pg_advisory_unlock_all()`) // the end of the session does it otherwise
}

// holder says whose session has the lock.
func (c *conn) holder(ctx context.Context, key int64) (string, error) {
	const query = `SELECT a.application_name, a.pid, COALESCE(host(a.client_addr), ''), a.usename
  FROM pg_locks l JOIN pg_stat_activity a USING (pid)
  WHERE l.locktype = 'advisory' AND l.granted AND l.classid = ($1::bigint >> 32 & 4294967295)::oid AND l.objid = ($1::bigint & 4294967295)::oid
    AND l.objsubid = 1 AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`
	for r, err := range c.query(ctx, query, key) {
		if err != nil {
			return "", err
		}
		at := ""
		if address := r.text(2); address != "" {
			at = " from " + address
		}
		return strings.TrimSpace(r.text(0)) + fmt.Sprintf(" (user %s%s, backend %d)", r.text(3), at, r.int(1)), nil
	}
	return "", nil // it has ended meanwhile
}
